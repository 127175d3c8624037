import { type CompiledPath, compilePath, type PathMatch } from '../lib/jsonpath.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';

/** What the paths of a definition look into: a notification. */
export interface PathRoots {
  /** The flat message; enough for nearly all paths, and cheaper than `document`. */
  readonly message?: JsonObject;
  /** The message with `ctxt` and `metadata`; costs time when it is asked for first. */
  readonly document: JsonObject;
}

/** A compiled path that knows which view of a notification it needs. As `CompiledPath`, and as pure. */
export interface RootedPath {
  first(roots: PathRoots): JsonValue;
  values(roots: PathRoots): readonly JsonValue[];
  matches(roots: PathRoots): readonly PathMatch[];
}

/**
 * Compiles a path of a definition. The nested view of the context costs more than the whole evaluation of a definition,
 * and `ctxt.X` is by contract the same as `_context_X` of the flat message: so plain paths are led there when
 * they are compiled. Throws `PathSyntaxError`.
 */
export function compileRootedPath(text: string): RootedPath {
  const path = compilePath(text);
  const [, root, rest = ''] = plainChain.exec(text) ?? [];
  if (root === 'ctxt' || root === 'metadata') {
    const flat = flattenChain(root, rest);
    return flat === null ? onDocument(path) : onFlatMessage(compilePath(flat), path);
  }
  return root === undefined && needsDocument.test(text) ? onDocument(path) : onFlatMessage(path, null);
}

/** `payload.a.b`, with or without `$.`: nothing but plain names. */
const plainChain = /^\s*(?:\$\s*\.)?\s*([A-Za-z_@][\w@-]*)((?:\s*\.\s*[A-Za-z_@][\w@-]*)*)\s*$/;

/** One of the two names that only the full document has, at the root, or the root as a whole. */
const needsDocument =
  /(?:^|[^.\w@-]|\$\s*\.)\s*(?:ctxt|metadata)\b|^\s*\$?\s*\.?\s*[*[`]|\.\.|^\s*\$\s*$|`parent`/;

function flattenChain(root: 'ctxt' | 'metadata', rest: string): string | null {
  const [, first = '', ...deeper] = rest.split('.').map((name) => name.trim());
  if (first === '') return null;
  if (root === 'ctxt') return [`_context_${first}`, ...deeper].join('.');
  return first === 'message_id' || first === 'timestamp' ? [first, ...deeper].join('.') : null;
}

/** `written` is the path before it was led elsewhere: matches have to show where it says they are. */
function onFlatMessage(path: CompiledPath, written: CompiledPath | null): RootedPath {
  const matches = (roots: PathRoots) => path.matches(roots.message ?? roots.document);
  return {
    first: (roots) => path.first(roots.message ?? roots.document),
    values: (roots) => path.values(roots.message ?? roots.document),
    matches: written === null ? matches : ({ document }) => written.matches(document),
  };
}

function onDocument(path: CompiledPath): RootedPath {
  return {
    first: ({ document }) => path.first(document),
    values: ({ document }) => path.values(document),
    matches: ({ document }) => path.matches(document),
  };
}
