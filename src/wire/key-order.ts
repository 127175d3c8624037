import { compareCodePoints } from '../lib/code-points.ts';
import type { JsonObject } from '../model/json.ts';

/** The keys of a mapping, sorted by code point as Python sorts them. */
export interface KeyOrder {
  readonly sorted: readonly string[];
  /** The sorted keys as they begin a JSON member: `"key":`. */
  readonly sortedJson: readonly string[];
  /** In the order of the mapping. */
  readonly given: readonly string[];
  readonly givenJson: readonly string[];
}

/** By the number of keys. */
const remembered: (KeyOrder | undefined)[] = [];
const LONGEST_REMEMBERED = 128;

/**
 * The keys of a mapping in both orders. Mappings that follow each other mostly have the same keys, so the last ones of
 * each number are kept: to compare is much cheaper than to sort and to quote. Pure but for that.
 */
export function keyOrder(mapping: JsonObject): KeyOrder {
  const given = Object.keys(mapping);
  const last = remembered[given.length];
  if (last !== undefined && haveSameItems(last.given, given)) return last;
  const sorted = sortedByCodePoint(given);
  const order = { sorted, sortedJson: sorted.map(memberStart), given, givenJson: given.map(memberStart) };
  if (given.length <= LONGEST_REMEMBERED) remembered[given.length] = order;
  return order;
}

function memberStart(key: string): string {
  return `${JSON.stringify(key)}:`;
}

function haveSameItems(left: readonly string[], right: readonly string[]): boolean {
  for (let index = 0; index < left.length; index += 1) if (left[index] !== right[index]) return false;
  return true;
}

const HIGH_UNIT = /[\ud800-\uffff]/;

/** The usual order is by UTF-16 unit, which is the same as long as there is no unit from the surrogates on. */
function sortedByCodePoint(keys: readonly string[]): readonly string[] {
  return keys.some((key) => HIGH_UNIT.test(key)) ? keys.toSorted(compareCodePoints) : keys.toSorted();
}
