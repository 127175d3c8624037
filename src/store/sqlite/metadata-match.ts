import { compareCodePoints } from '../../lib/code-points.ts';
import { FloatToken, isJsonObject, type JsonScalar, type JsonValue } from '../../model/json.ts';
import type { ComparisonOperator } from '../query.ts';

/**
 * Conditions on resource metadata. Pure.
 *
 * A key names a leaf by its path, `flavor.name` or `tags[0]`. Keys may themselves hold dots and colons, and the
 * original shows nested keys joined by either, so both count as the same separator and every way to read the path is
 * tried: `server.host` finds `{"server.host": …}` and `{"server": {"host": …}}`.
 */

/** All values a key can mean in `metadata`, objects and lists excluded. */
export function readMetadata(metadata: JsonValue, key: string): readonly JsonScalar[] {
  const found: JsonScalar[] = [];
  collect(metadata, plainKey(key), found);
  return found;
}

/**
 * Whether a metadata value compares as asked. By JSON type, as stored: text with text, number with number (1 equals
 * 1.0), boolean with boolean; values of two types are neither equal nor different nor ordered. Null with `eq` means
 * "is not set" (missing or null), with `ne` "is set".
 */
export function testMetadata(
  metadata: JsonValue,
  key: string,
  op: ComparisonOperator,
  wanted: JsonScalar,
): boolean {
  const values = readMetadata(metadata, key).filter((value) => value !== null);
  if (wanted === null) return op === 'eq' ? values.length === 0 : op === 'ne' && values.length > 0;
  return values.some((value) => compareScalars(value, op, wanted));
}

/** Whether `left op right` holds for two scalars of one kind; false for two kinds and for null. */
export function compareScalars(left: JsonScalar, op: ComparisonOperator, right: JsonScalar): boolean {
  const a = left instanceof FloatToken ? left.value : left;
  const b = right instanceof FloatToken ? right.value : right;
  if (typeof a === 'string' && typeof b === 'string') return holds(compareCodePoints(a, b), op);
  if (typeof a === 'boolean' && typeof b === 'boolean') return holds(Number(a) - Number(b), op);
  if (isNumeric(a) && isNumeric(b)) return holds(a < b ? -1 : a > b ? 1 : 0, op);
  return false;
}

function holds(order: number, op: ComparisonOperator): boolean {
  switch (op) {
    case 'lt':
      return order < 0;
    case 'le':
      return order <= 0;
    case 'eq':
      return order === 0;
    case 'ne':
      return order !== 0;
    case 'ge':
      return order >= 0;
    case 'gt':
      return order > 0;
    default:
      return op satisfies never;
  }
}

function isNumeric(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function collect(value: JsonValue, path: string, found: JsonScalar[]): void {
  if (isJsonObject(value)) {
    for (const key of Object.keys(value)) {
      const rest = restAfter(path, plainKey(key));
      if (rest !== undefined) take(value[key] as JsonValue, rest, found);
    }
  } else if (Array.isArray(value)) {
    const match = /^\[(\d{1,9})\]/.exec(path);
    const item = match === null ? undefined : value[Number(match[1])];
    if (match !== null && item !== undefined) take(item, path.slice(match[0].length), found);
  }
}

/** `rest` is what of the path follows the member: nothing, `.key…` or `[index]…`. */
function take(member: JsonValue, rest: string, found: JsonScalar[]): void {
  if (rest === '') {
    if (typeof member !== 'object' || member === null || member instanceof FloatToken) found.push(member);
  } else {
    collect(member, rest.startsWith('.') ? rest.slice(1) : rest, found);
  }
}

function restAfter(path: string, key: string): string | undefined {
  if (!path.startsWith(key)) return undefined;
  const next = path.charAt(key.length);
  return next === '' || next === '.' || next === '[' ? path.slice(key.length) : undefined;
}

function plainKey(key: string): string {
  return key.replaceAll(':', '.');
}
