import type { JsonValue } from '../model/json.ts';
import { compileNode } from './jsonpath-compile.ts';
import { Datum, DOCUMENT_PLACE, Evaluation, type Finder } from './jsonpath-datum.ts';
import { compileFirst, compileNames, plainNames } from './jsonpath-direct.ts';
import { PathEvaluationError } from './jsonpath-errors.ts';
import { parsePath } from './jsonpath-parse.ts';

/**
 * The path language of definitions: jsonpath-rw with the extensions of jsonpath-rw-ext 1.2.2, the library Ceilometer
 * uses. Grammar and binding: jsonpath-parse.ts; what each step finds: jsonpath-steps.ts, jsonpath-operators.ts,
 * jsonpath-filter.ts.
 *
 * One difference lies in JavaScript: `*` and `..` visit fields whose names are whole numbers (`"10"`) before all others.
 */

export { PathEvaluationError, PathSyntaxError } from './jsonpath-errors.ts';

/** One match. `path` is its dotted place in the document (`payload.metrics.[0].value`), empty for a made value. */
export interface PathMatch {
  readonly path: string;
  readonly value: JsonValue;
}

/**
 * A path ready for use: without state, so it may be shared and called at any time. All three throw
 * PathEvaluationError only, when the path does not fit the document (`[0]` on a mapping) or takes too many steps.
 */
export interface CompiledPath {
  readonly text: string;
  /** The first match that is not null, or null. Allocates nothing for plain names. */
  first(root: JsonValue): JsonValue;
  /** All matches in order, nulls kept. */
  values(root: JsonValue): readonly JsonValue[];
  /** All matches with their places, in order, nulls kept. */
  matches(root: JsonValue): readonly PathMatch[];
}

/** Compiles a path once for many documents. Throws PathSyntaxError with the offset of the mistake. */
export function compilePath(text: string): CompiledPath {
  const node = parsePath(text);
  const names = plainNames(node);
  if (names !== undefined) return namesPath(text, names);
  const find = compileNode(node);
  return {
    text,
    first: compileFirst(node) ?? firstOf(find),
    values: valuesOf(find),
    matches: matchesOf(find),
  };
}

function namesPath(text: string, names: readonly string[]): CompiledPath {
  const lookup = compileNames(names);
  const path = names.join('.');
  return {
    text,
    first: (root) => lookup(root) ?? null,
    values(root) {
      const value = lookup(root);
      return value === undefined ? [] : [value];
    },
    matches(root) {
      const value = lookup(root);
      return value === undefined ? [] : [{ path, value }];
    },
  };
}

function firstOf(find: Finder): (root: JsonValue) => JsonValue {
  return (root) => {
    for (const { value } of run(find, root)) if (value !== null) return value;
    return null;
  };
}

function valuesOf(find: Finder): (root: JsonValue) => readonly JsonValue[] {
  return (root) => run(find, root).map((match) => match.value);
}

function matchesOf(find: Finder): (root: JsonValue) => readonly PathMatch[] {
  return (root) => run(find, root).map((match) => ({ path: match.place(), value: match.value }));
}

function run(find: Finder, root: JsonValue): readonly Datum[] {
  try {
    return find(new Datum(root, undefined, DOCUMENT_PLACE), new Evaluation());
  } catch (cause) {
    // Limits of the engine: a text that grew too long, a regular expression that ran out of its own stack.
    if (cause instanceof RangeError) throw new PathEvaluationError(`Beyond all limits: ${cause.message}`);
    throw cause;
  }
}
