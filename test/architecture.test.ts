import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import {
  findBannedCode,
  findCycles,
  findForeignImportsOfModel,
  findLayerBreaches,
  findLongFiles,
  type SourceTree,
} from './support/architecture.ts';

const ROOT = join(import.meta.dirname, '..');
const SOURCES = join(ROOT, 'src');

function readSources(): SourceTree {
  const files = globSync('**/*.ts', { cwd: SOURCES }).sort();
  return new Map(files.map((file) => [file, readFileSync(join(SOURCES, file), 'utf8')]));
}

const sources = readSources();

function assertNone(findings: readonly string[]): void {
  assert.equal(findings.length, 0, `\n${findings.join('\n')}\n`);
}

test('imports run from the outer layers to the inner ones', () => {
  assert.ok(sources.size > 50);
  assertNone(findLayerBreaches(sources));
});

test('the model imports nothing from outside', () => assertNone(findForeignImportsOfModel(sources)));

test('no files import each other in a circle', () => assertNone(findCycles(sources)));

test('nothing evaluates text as code, uses a shell, or ends the process below the command line', () => {
  assertNone(findBannedCode(sources));
});

test('no source file has grown too long', () => assertNone(findLongFiles(sources)));

test('the lock file names no registry, so that it works behind every mirror', () => {
  const lock = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
  assert.equal(JSON.parse(lock).lockfileVersion, 3);
  const lines = lock.split('\n').flatMap((line, index) => {
    return /"resolved":|\bregistry\.|\bnpm\.pkg\./.test(line)
      ? [`package-lock.json:${index + 1}: ${line.trim()}`]
      : [];
  });
  assertNone(lines);
});

test('the lock file holds the optional packages of all systems, without which npm ci refuses it', () => {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  const packages: Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }> =
    lock.packages;
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => packages[`node_modules/${name}`] === undefined)
      .map((name) => `${path} names ${name}: run "node tools/run.cjs tools/complete-lock.ts"`),
  );
  assertNone(missing);
});

/** The finding functions themselves, on trees made for them. */
function tree(files: Readonly<Record<string, string>>): SourceTree {
  return new Map(Object.entries(files));
}

test('an import against the order of the layers is found, in each form', () => {
  const findings = findLayerBreaches(
    tree({
      'lib/a.ts': "import { x } from '../store/b.ts';\n",
      'store/b.ts': "export {\n  y,\n} from '../api/c.ts';\nimport { type Z } from '../store/d.ts';\n",
      'api/c.ts': "const load = () => import('../cli/d.ts');\nimport '../lib/a.ts';\n",
      'cli/d.ts': "import type { X } from '../api/c.ts';\n// import { n } from '../../tools/n.ts';\n",
      'cli/d.test.ts': "import { t } from '../../test/t.ts';\n",
      'cli/e.ts': "import { t } from '../../test/t.ts';\n",
      'other/f.ts': '',
    }),
  );
  assert.deepEqual(findings, [
    'src/lib/a.ts (lib) must not import src/store/b.ts (bus, openstack, store, coordination)',
    'src/store/b.ts (bus, openstack, store, coordination) must not import src/api/c.ts (collector, alarms, faults, tracking, api)',
    'src/api/c.ts (collector, alarms, faults, tracking, api) must not import src/cli/d.ts (cli)',
    'src/cli/e.ts imports test/t.ts, which is not part of the program',
    'src/other/f.ts: its folder has no layer; give it one in test/support/architecture.ts',
  ]);
});

test('a contract may be imported from below as a type only, and a registry only from above', () => {
  const findings = findLayerBreaches(
    tree({
      'pipeline/a.ts': "import type { Publisher } from '../publishers/publisher.ts';\n",
      'pipeline/b.ts': "import { type A, type B } from '../publishers/publisher.ts';\n",
      'pipeline/c.ts': "import { type A, B } from '../publishers/publisher.ts';\n",
      'pipeline/d.ts': "import type { U } from '../publishers/udp.ts';\n",
      'publishers/publisher.ts': '',
      'publishers/udp.ts': "import { all } from './registry.ts';\n",
      'publishers/registry.ts': "import { udp } from './udp.ts';\n",
    }),
  );
  const parts =
    'sources, publishers, pipeline/transformers, polling/discovery, polling/inspectors, polling/pollsters';
  assert.deepEqual(findings, [
    `src/pipeline/c.ts (pipeline, polling, notification) must not import src/publishers/publisher.ts (${parts})`,
    `src/pipeline/d.ts (pipeline, polling, notification) must not import src/publishers/udp.ts (${parts})`,
    `src/publishers/udp.ts (${parts}) must not import src/publishers/registry.ts (app)`,
  ]);
});

test('a circle of imports is found, one of types too', () => {
  const files = {
    'lib/a.ts': "import { b } from './b.ts';\n",
    'lib/b.ts': "import type { C } from './c.ts';\n",
    'lib/c.ts': "export * from './a.ts';\n",
    'lib/d.ts': "import { a } from './a.ts';\n",
  };
  assert.deepEqual(findCycles(tree(files)), ['lib/a.ts → lib/b.ts → lib/c.ts → lib/a.ts']);
  assert.deepEqual(
    findCycles(tree({ ...files, 'lib/c.ts': "export const load = () => import('./a.ts');\n" })),
    [],
  );
});

test('banned code is found by line, and comments may speak of it', () => {
  const findings = findBannedCode(
    tree({
      'lib/a.ts': '// eval(x)\n/* new Function */\nconst y = 1; // eval(y)\nconst url = "http://eval";\n',
      'lib/b.ts': 'const a = 1;\nconst b = eval("a");\n',
      'lib/c.ts':
        "import { execFile } from 'node:child_process';\nimport { runInNewContext } from 'node:vm';\n",
      'lib/d.ts': "import {\n  exec,\n} from 'node:child_process';\n",
      'lib/e.ts': 'process.exit(1);\n',
      'cli/f.ts': 'process.exit(1);\n',
    }),
  );
  assert.deepEqual(
    findings.map((finding) => finding.split(': ')[0]),
    ['src/lib/b.ts:2', 'src/lib/c.ts:2', 'src/lib/d.ts:1', 'src/lib/e.ts:1'],
  );
});

test('what the model imports from packages, and files that are too long, are found', () => {
  const files = tree({
    'model/a.ts': "import { z } from 'zod';\nimport './b.ts';\nexport const NAMES = ['from', 'a'];\n",
    'lib/b.ts': '\n'.repeat(401),
    'component/error-codes.ts': '\n'.repeat(401),
  });
  assert.deepEqual(findForeignImportsOfModel(files), [
    'src/model/a.ts imports zod: the model imports nothing',
  ]);
  assert.deepEqual(findLongFiles(files), ['src/lib/b.ts has 401 lines; at most 400: split it by idea']);
});
