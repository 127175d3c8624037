import { isJsonObject, type JsonValue } from '../model/json.ts';
import { countCodePoints } from './code-points.ts';
import { isList } from './json-list.ts';
import { Datum, type Finder, NO_MATCH, NO_PLACE } from './jsonpath-datum.ts';
import { PathEvaluationError } from './jsonpath-errors.ts';
import {
  describeType,
  PythonOverflowError,
  PythonTypeError,
  pythonAdd,
  pythonCompare,
  pythonEquals,
  pythonMultiply,
  pythonSubtract,
} from './python-values.ts';

/** `len`: of a list, mapping or text (in code points); nothing for the rest. */
export const findLength: Finder = ({ value }) => {
  if (typeof value === 'string') return made(countCodePoints(value));
  if (isList(value)) return made(value.length);
  return isJsonObject(value) ? made(Object.keys(value).length) : NO_MATCH;
};

/** `split(c, segment, max)` as `text.split(c, max)[segment]`; nothing without such a segment or when it is no text. */
export function splitFinder(separator: string, segment: number, limit: number): Finder {
  return ({ value }) => {
    const part = typeof value === 'string' ? splitText(value, separator, limit)[segment] : undefined;
    return part === undefined ? NO_MATCH : made(part);
  };
}

/** Python's `text.split(separator, limit)`: the rest stays together after `limit` cuts; negative means no limit. */
export function splitText(text: string, separator: string, limit: number): readonly string[] {
  const parts = text.split(separator);
  if (limit < 0 || parts.length <= limit + 1) return parts;
  return [...parts.slice(0, limit), parts.slice(limit).join(separator)];
}

/** `sub(/regex/, replacement)`: nothing when the text stays the same. Only a text has it. */
export function substituteFinder(replace: (text: string) => string): Finder {
  return ({ value }) => {
    if (typeof value !== 'string')
      throw new PathEvaluationError(`sub() does not apply to ${describeType(value)}`);
    const replaced = replace(value);
    return replaced === value ? NO_MATCH : made(replaced);
  };
}

/** A side of an operation: what the path finds, or one literal for as many as the other side has. */
export type OperandFinder = { readonly find: Finder } | { readonly literal: JsonValue };

const CALCULATIONS: Readonly<Record<string, (left: JsonValue, right: JsonValue) => JsonValue>> = {
  '+': pythonAdd,
  '-': pythonSubtract,
  '*': pythonMultiply,
};

/**
 * Two paths need equal numbers of matches and are taken in pairs; a literal goes with each match of the other
 * side. Nothing when one side finds nothing, the numbers differ, or any pair is of types the sign does not take.
 */
export function operationFinder(sign: string, left: OperandFinder, right: OperandFinder): Finder {
  const calculate = CALCULATIONS[sign];
  if (calculate === undefined) throw new TypeError(`There is no calculation for ${sign}`);
  return (datum, evaluation) => {
    const lefts = 'find' in left ? left.find(datum, evaluation).map((match) => match.value) : undefined;
    const rights = 'find' in right ? right.find(datum, evaluation).map((match) => match.value) : undefined;
    const count = lefts?.length ?? rights?.length ?? 1;
    if (rights !== undefined && rights.length !== count) return NO_MATCH;
    const results: Datum[] = [];
    for (let index = 0; index < count; index += 1) {
      const a = 'literal' in left ? left.literal : (lefts?.[index] ?? null);
      const b = 'literal' in right ? right.literal : (rights?.[index] ?? null);
      const result = tryCalculate(calculate, a, b);
      if (result === undefined) return NO_MATCH;
      results.push(new Datum(result, undefined, NO_PLACE));
    }
    return results;
  };
}

function tryCalculate(
  calculate: (left: JsonValue, right: JsonValue) => JsonValue,
  left: JsonValue,
  right: JsonValue,
): JsonValue | undefined {
  try {
    return calculate(left, right);
  } catch (cause) {
    if (cause instanceof PythonTypeError) return undefined;
    if (cause instanceof PythonOverflowError) throw new PathEvaluationError(cause.message);
    throw cause;
  }
}

export interface SortKeyFinder {
  readonly find: Finder;
  readonly descending: boolean;
}

/**
 * One list: the items by the given fields, or by themselves when none is given (of a mapping: its names). Items
 * that lack a field, or find it more than once, count as equal in it. Scalars, mappings with fields to sort by, and items
 * without order are errors.
 */
export function sortFinder(keys: readonly SortKeyFinder[]): Finder {
  return (datum, evaluation) => {
    const { value } = datum;
    const items = isList(value)
      ? value
      : isJsonObject(value) && keys.length === 0
        ? Object.keys(value)
        : undefined;
    if (items === undefined) throw new PathEvaluationError(`A sort does not apply to ${describeType(value)}`);
    evaluation.count(items.length);
    const compare =
      keys.length === 0 ? pythonCompare : (a: JsonValue, b: JsonValue) => compareBy(keys, a, b, evaluation);
    return made(sorted(items, compare));
  };
}

function sorted(
  items: readonly JsonValue[],
  compare: (a: JsonValue, b: JsonValue) => number,
): readonly JsonValue[] {
  try {
    return items.toSorted(compare);
  } catch (cause) {
    if (cause instanceof PythonTypeError) throw new PathEvaluationError(`Cannot sort: ${cause.message}`);
    throw cause;
  }
}

function compareBy(
  keys: readonly SortKeyFinder[],
  left: JsonValue,
  right: JsonValue,
  evaluation: Parameters<Finder>[1],
): number {
  for (const { find, descending } of keys) {
    const [a, ...moreLeft] = find(new Datum(left, undefined, NO_PLACE), evaluation);
    const [b, ...moreRight] = find(new Datum(right, undefined, NO_PLACE), evaluation);
    if (a === undefined || b === undefined || moreLeft.length > 0 || moreRight.length > 0) continue;
    if (pythonEquals(a.value, b.value)) continue;
    const order = pythonCompare(a.value, b.value) < 0 ? -1 : 1;
    return descending ? -order : order;
  }
  return 0;
}

function made(value: JsonValue): readonly Datum[] {
  return [new Datum(value, undefined, NO_PLACE)];
}
