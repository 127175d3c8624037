import { stringifyExact } from '../../lib/exact-json.ts';
import { FloatToken, type JsonArray, type JsonObject, type JsonValue } from '../../model/json.ts';

/**
 * Compact JSON text of a value with every number as it was written, as `stringifyExact` gives it. Faster where nothing
 * in the value needs the exact form, which is nearly always. Throws RangeError when it is nested too deeply.
 */
export function toJsonText(value: JsonValue): string {
  return isPlain(value, 0) ? JSON.stringify(value) : stringifyExact(value);
}

const MAX_PLAIN_DEPTH = 32;

/** Whether the built-in writer gives the exact text: no number token, no long integer, no negative zero. */
function isPlain(value: JsonValue, depth: number): boolean {
  switch (typeof value) {
    case 'number':
      return !Object.is(value, -0);
    case 'bigint':
      return false;
    case 'object':
      return value === null || isPlainObject(value, depth);
    default:
      return true;
  }
}

function isPlainObject(value: JsonArray | JsonObject | FloatToken, depth: number): boolean {
  if (value instanceof FloatToken || depth >= MAX_PLAIN_DEPTH) return false;
  // A list has its indexes as keys; one loop for both is as fast and cannot forget a case.
  for (const key in value) {
    const item = (value as JsonObject)[key];
    if (item !== undefined && !isPlain(item, depth + 1)) return false;
  }
  return true;
}

/**
 * Whether two values have the same exact text but for the order of keys. Never throws; values nested too deeply count
 * as different.
 */
export function sameJson(left: JsonValue, right: JsonValue): boolean {
  return left === right ? left !== 0 || Object.is(left, right) : sameAt(left, right, 0);
}

function sameAt(left: JsonValue, right: JsonValue, depth: number): boolean {
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (depth >= MAX_PLAIN_DEPTH) return false;
  if (left instanceof FloatToken || right instanceof FloatToken) {
    return left instanceof FloatToken && right instanceof FloatToken && Object.is(left.value, right.value);
  }
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  return sameMembers(left as JsonObject, right as JsonObject, depth);
}

function sameMembers(left: JsonObject, right: JsonObject, depth: number): boolean {
  let surplus = 0;
  for (const key in left) {
    const a = left[key] as JsonValue;
    const b = right[key] as JsonValue;
    if (a === b ? a === 0 && !Object.is(a, b) : !sameAt(a, b, depth + 1)) return false;
    // A missing key looks like undefined, and a missing `__proto__` like an empty mapping.
    if ((typeof a === 'object' || a === undefined) && !Object.hasOwn(right, key)) return false;
    surplus += 1;
  }
  for (const _ in right) surplus -= 1;
  return surplus === 0;
}
