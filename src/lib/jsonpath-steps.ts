import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import { codePointTextAt } from './code-points.ts';
import { isList } from './json-list.ts';
import { Datum, type Finder, NO_MATCH } from './jsonpath-datum.ts';
import { PathEvaluationError } from './jsonpath-errors.ts';
import { describeType, isInteger } from './python-values.ts';

/** `$`: the document, from wherever the path is. */
export const findRoot: Finder = (datum) => {
  let root = datum;
  while (root.parent !== undefined) root = root.parent;
  return [root];
};

export const findThis: Finder = (datum) => [datum];

/** The original fails with an internal error on the document's own parent; here there simply is none. */
export const findParent: Finder = (datum) => (datum.parent === undefined ? NO_MATCH : [datum.parent]);

/** Fields by name; a name finds nothing in lists and scalars. `*` among the names means all fields there are. */
export function fieldsFinder(names: readonly string[]): Finder {
  if (names.includes('*')) return findAllFields;
  const [name] = names;
  if (names.length === 1 && name !== undefined) return (datum) => findField(datum, name);
  return (datum) => names.flatMap((each) => findField(datum, each));
}

function findField(datum: Datum, name: string): readonly Datum[] {
  const value = ownField(datum.value, name);
  return value === undefined ? NO_MATCH : [new Datum(value, datum, name)];
}

/** A field of a mapping, never one of its prototype; undefined when there is none. */
export function ownField(value: JsonValue, name: string): JsonValue | undefined {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

const findAllFields: Finder = (datum, evaluation) => {
  if (!isJsonObject(datum.value)) return NO_MATCH;
  const found = fieldsOf(datum, datum.value);
  evaluation.count(found.length);
  return found;
};

function fieldsOf(datum: Datum, value: JsonObject): readonly Datum[] {
  return Object.entries(value).map(([name, field]) => new Datum(field, datum, name));
}

/** The children of a list or mapping, in order. */
export function childrenOf(datum: Datum): readonly Datum[] {
  if (isList(datum.value)) return datum.value.map((item, index) => new Datum(item, datum, index));
  return isJsonObject(datum.value) ? fieldsOf(datum, datum.value) : NO_MATCH;
}

export function indexFinder(index: number): Finder {
  return (datum) => {
    const value = itemAt(datum.value, index);
    return value === undefined ? NO_MATCH : [new Datum(value, datum, index)];
  };
}

/**
 * The item of a list or the character of a text, as Python's `value[index]`; undefined beyond the end. Throws
 * PathEvaluationError before the beginning and for what cannot be indexed by number. An empty mapping has no item, any
 * other is an error: the original compares the length before it looks.
 */
export function itemAt(value: JsonValue, index: number): JsonValue | undefined {
  if (isList(value)) {
    const item = value[index < 0 ? value.length + index : index];
    if (item === undefined && index < 0)
      throw new PathEvaluationError(`[${index}] lies before the list's beginning`);
    return item;
  }
  if (typeof value === 'string') return characterAt(value, index);
  if (isJsonObject(value) && Object.keys(value).length <= index) return undefined;
  throw new PathEvaluationError(`[${index}] does not apply to ${describeType(value)}`);
}

function characterAt(text: string, index: number): string | undefined {
  const character = codePointTextAt(text, index);
  if (character === undefined && index < 0) {
    throw new PathEvaluationError(`[${index}] lies before the text's beginning`);
  }
  return character;
}

/**
 * A part of a list. A mapping, text, integer or boolean counts as a list of one, anything else is an error: so does the
 * original, to treat "one" and "a list of one" alike.
 */
export function sliceFinder(start: number | undefined, end: number | undefined): Finder {
  return (datum, evaluation) => {
    const [items, list] = listOf(datum);
    const first = start === undefined ? 0 : clampIndex(start, items.length);
    const last = end === undefined ? items.length : clampIndex(end, items.length);
    evaluation.count(Math.max(0, last - first));
    return items.slice(first, last).map((item, offset) => new Datum(item, list, first + offset));
  };
}

function listOf(datum: Datum): readonly [items: readonly JsonValue[], list: Datum] {
  const { value } = datum;
  if (isList(value)) return [value, datum];
  if (!isJsonObject(value) && typeof value !== 'string' && !isInteger(value)) {
    throw new PathEvaluationError(`A slice does not apply to ${describeType(value)}`);
  }
  const items = [value];
  return [items, new Datum(items, datum.parent, datum.key)];
}

function clampIndex(index: number, length: number): number {
  return index < 0 ? Math.max(0, length + index) : Math.min(index, length);
}
