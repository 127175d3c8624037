import { dirname, join } from 'node:path/posix';

/**
 * The rules of the source tree, as functions of its texts: file paths below src/ to file contents. Each gives its
 * findings as lines a reader can act on; none means that the rule holds.
 */
export type SourceTree = ReadonlyMap<string, string>;

/** From the domain outwards: a file imports from its own step and from earlier ones, never from later ones. */
const LAYERS: readonly (readonly string[])[] = [
  ['model'],
  ['lib'],
  ['component'],
  ['config', 'observe', 'wire'],
  ['bus', 'openstack', 'store', 'coordination'],
  ['pipeline', 'polling', 'notification'],
  [
    'sources',
    'publishers',
    'pipeline/transformers',
    'polling/discovery',
    'polling/inspectors',
    'polling/pollsters',
  ],
  ['collector', 'alarms', 'faults', 'tracking', 'api'],
  ['app'],
  ['cli'],
];
/** A registry names all parts of its folder, so it stands as high as what composes the program. */
const REGISTRY_LAYER = LAYERS.findIndex((names) => names.includes('app'));
const MAX_LINES = 400;
/** Long, but one table. */
const TABLES: ReadonlySet<string> = new Set(['component/error-codes.ts']);

interface Import {
  readonly target: string;
  readonly typeOnly: boolean;
  /** `import('…')`: happens when it is called, not when the file is loaded. */
  readonly lazy: boolean;
}

/** Imports that run against the order of the layers, and folders that have no place in it. */
export function findLayerBreaches(tree: SourceTree): readonly string[] {
  return productFiles(tree).flatMap(([file, text]) => {
    const layer = layerOf(file);
    if (layer === null)
      return [`src/${file}: its folder has no layer; give it one in test/support/architecture.ts`];
    return relativeImports(file, text).flatMap(({ target, typeOnly }) => {
      if (target.startsWith('../'))
        return [`src/${file} imports ${join('src', target)}, which is not part of the program`];
      const targetLayer = layerOf(target);
      if (targetLayer === null || targetLayer <= layer || (typeOnly && isContract(target))) return [];
      return [`src/${file} (${nameOf(layer)}) must not import src/${target} (${nameOf(targetLayer)})`];
    });
  });
}

/** Packages and built-in modules the domain would depend on. */
export function findForeignImportsOfModel(tree: SourceTree): readonly string[] {
  return productFiles(tree)
    .filter(([file]) => file.startsWith('model/'))
    .flatMap(([file, text]) =>
      importedNames(text)
        .filter(({ target }) => !target.startsWith('.'))
        .map(({ target }) => `src/${file} imports ${target}: the model imports nothing`),
    );
}

/**
 * Groups of files that import each other in a circle: `a.ts → b.ts → a.ts`. Imports of types count, as such a group
 * can only be understood as a whole; `import('…')` does not, as nothing is loaded in a circle.
 */
export function findCycles(tree: SourceTree): readonly string[] {
  const edges = new Map(
    productFiles(tree).map(([file, text]) => {
      const imports = relativeImports(file, text).filter(({ lazy }) => !lazy);
      return [file, imports.map(({ target }) => target)];
    }),
  );
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) cycles.push([...path.slice(start), file].join(' → '));
    if (start >= 0 || done.has(file)) return;
    for (const target of edges.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of edges.keys()) visit(file, []);
  return cycles;
}

const BANNED: readonly { readonly pattern: RegExp; readonly why: string; readonly allowedIn?: RegExp }[] = [
  { pattern: /\beval\s*\(/, why: 'evaluates text as code' },
  { pattern: /\bnew Function\b|\bFunction\s*\(\s*['"`]/, why: 'evaluates text as code' },
  {
    pattern: /\b(?:from|import|require)\b[\s(]*['"](?:node:)?vm['"]/,
    why: 'node:vm evaluates text as code and is no sandbox',
  },
  {
    pattern:
      /import[^;]*[{,\s]exec(?:Sync)?\b[^;]*child_process['"]|\bchild_process\.exec(?:Sync)?\b|\bshell:\s*true/,
    why: 'a shell interprets its arguments; use execFile or spawn with a list',
  },
  {
    pattern: /\bprocess\.exit\(/,
    why: 'only the command line ends the process',
    allowedIn: /^cli\/|\.test\.ts$/,
  },
];

/** Ways of running code that comes in as text, and other things only few places may do. Comments do not count. */
export function findBannedCode(tree: SourceTree): readonly string[] {
  return [...tree].flatMap(([file, text]) => {
    const code = withoutComments(text);
    return BANNED.flatMap(({ pattern, why, allowedIn }) => {
      const match = pattern.exec(code);
      if (match === null || allowedIn?.test(file)) return [];
      const line = code.slice(0, match.index).split('\n').length;
      return [`src/${file}:${line}: ${match[0].trim()}: ${why}`];
    });
  });
}

/** Files that have become more than one idea. */
export function findLongFiles(tree: SourceTree): readonly string[] {
  return productFiles(tree).flatMap(([file, text]) => {
    const lines = text.split('\n').length - 1;
    return lines <= MAX_LINES || TABLES.has(file)
      ? []
      : [`src/${file} has ${lines} lines; at most ${MAX_LINES}: split it by idea`];
  });
}

function productFiles(tree: SourceTree): readonly (readonly [string, string])[] {
  return [...tree].filter(([file]) => !file.endsWith('.test.ts'));
}

/** Null for a file in a folder that has no layer. */
function layerOf(file: string): number | null {
  if (file.endsWith('/registry.ts')) return REGISTRY_LAYER;
  let found: { readonly layer: number; readonly length: number } | null = null;
  for (const [layer, names] of LAYERS.entries()) {
    for (const name of names) {
      if (file.startsWith(`${name}/`) && name.length > (found?.length ?? 0))
        found = { layer, length: name.length };
    }
  }
  return found?.layer ?? null;
}

function nameOf(layer: number): string {
  return LAYERS[layer]?.join(', ') ?? '';
}

/** `publishers/publisher.ts` says what a publisher is: lower layers hold publishers without knowing any. */
function isContract(file: string): boolean {
  const [name = '', folder = ''] = file.split('/').reverse();
  return name === `${folder}.ts` || name === `${folder.replace(/s$/, '')}.ts`;
}

function relativeImports(file: string, text: string): readonly Import[] {
  return importedNames(text)
    .filter(({ target }) => target.startsWith('.'))
    .map((found) => ({ ...found, target: join(dirname(file), found.target) }));
}

/** Imports and exports from other modules begin a line; comments about them do not. */
function importedNames(text: string): readonly Import[] {
  const fixed = text.matchAll(/^(?:import|export)\b(?:([^'";]*?)\bfrom)?\s*['"]([^'"\n]+)['"]/gm);
  const lazy = withoutComments(text).matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g);
  return [
    ...Array.from(fixed, ([, clause = '', target = '']) => ({
      target,
      lazy: false,
      typeOnly: isTypeOnly(clause),
    })),
    ...Array.from(lazy, ([, target = '']) => ({ target, lazy: true, typeOnly: false })),
  ];
}

/** `type { A }`, or `{ type A, type B }`. */
function isTypeOnly(clause: string): boolean {
  const text = clause.trim();
  if (/^type\b/.test(text)) return true;
  const names = /^\{(.*)\}$/s
    .exec(text)?.[1]
    ?.split(',')
    .map((name) => name.trim());
  return names?.every((name) => name === '' || name.startsWith('type ')) ?? false;
}

/** Keeps the lines, so that their numbers stay right. */
function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|\s)\/\/.*$/gm, '$1');
}
