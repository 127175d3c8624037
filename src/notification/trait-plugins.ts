import { tryParseTimestamp } from '../lib/timestamp.ts';
import { FloatToken, isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import { toText } from './trait-coercion.ts';

/** A value found by a path, and where: dotted, empty after an operator in backticks. */
export interface FoundValue {
  readonly path: string;
  readonly value: JsonValue;
}

/** Turns what the paths of a definition found (nulls left out) into values; null stands for "nothing". Pure. */
export type TraitPlugin = (found: readonly FoundValue[]) => readonly JsonValue[];

/** One kind of plugin. */
export interface TraitPluginKind {
  readonly name: string;
  /** Parameters it knows. */
  readonly parameters: readonly string[];
  /** Whether it may be used where one field gives several values (`lookup`). */
  readonly severalValues: boolean;
  /** What to use instead, when it is there for old files only. */
  readonly deprecated?: string;
  /** Checks the parameters, once; throws `PluginParameterError`. */
  create(parameters: JsonObject): TraitPlugin;
}

/** Parameters that a plugin cannot work with. */
export class PluginParameterError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PluginParameterError';
  }
}

/** The plugins of traits and meter fields. Source: ceilometer `event/trait_plugins.py`. */
export const TRAIT_PLUGINS: readonly TraitPluginKind[] = [
  {
    name: 'split',
    parameters: ['separator', 'segment', 'max_split'],
    severalValues: true,
    deprecated: 'the path operator `split(separator, segment, max)`',
    create: createSplit,
  },
  {
    name: 'bitfield',
    parameters: ['initial_bitfield', 'flags'],
    severalValues: false,
    create: createBitfield,
  },
  { name: 'timedelta', parameters: [], severalValues: false, create: () => timeDelta },
  {
    name: 'map',
    parameters: ['values', 'default', 'case_sensitive'],
    severalValues: false,
    create: createMap,
  },
];

/** One segment of each text; a missing segment is nothing. */
function createSplit(parameters: JsonObject): TraitPlugin {
  const separator = parameters.separator ?? '.';
  if (typeof separator !== 'string' || separator === '') {
    throw new PluginParameterError('separator must be a text that is not empty');
  }
  const segment = integerParameter(parameters, 'segment', 0);
  const maxSplit = integerParameter(parameters, 'max_split', -1);
  return (found) =>
    found.map(({ value }) => pythonSplit(toText(value), separator, maxSplit).at(segment) ?? null);
}

function pythonSplit(text: string, separator: string, maxSplit: number): readonly string[] {
  const parts = text.split(separator);
  if (maxSplit < 0 || parts.length <= maxSplit + 1) return parts;
  return [...parts.slice(0, maxSplit), parts.slice(maxSplit).join(separator)];
}

/** Sets a bit for each flag whose path was found (with the given value, if one is given); always gives a number. */
function createBitfield(parameters: JsonObject): TraitPlugin {
  const initial = BigInt(integerParameter(parameters, 'initial_bitfield', 0));
  const flags = parameters.flags ?? [];
  if (!Array.isArray(flags)) throw new PluginParameterError('flags must be a list');
  const checks = flags.map(createFlag);
  return (found) => {
    const values = new Map(found.map(({ path, value }) => [path, value]));
    const bits = checks.reduce((sum, check) => sum | check(values), initial);
    return [bits <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(bits) : bits];
  };
}

function createFlag(flag: JsonValue): (values: ReadonlyMap<string, JsonValue>) => bigint {
  if (!isJsonObject(flag) || typeof flag.path !== 'string') {
    throw new PluginParameterError('each flag needs a path and a bit');
  }
  const { path, value: wanted } = flag;
  const bit = integerParameter(flag, 'bit');
  if (bit < 0 || bit > 62) throw new PluginParameterError('a bit must lie between 0 and 62');
  const mask = 1n << BigInt(bit);
  return (values) => {
    const value = values.get(path);
    if (value === undefined) return 0n;
    return wanted === undefined || isSameValue(value, wanted) ? mask : 0n;
  };
}

/** Python's equality of leaves: `1 == 1.0 == True`. */
function isSameValue(one: JsonValue, other: JsonValue): boolean {
  return comparable(one) === comparable(other);
}

function comparable(value: JsonValue): JsonValue {
  if (typeof value === 'boolean' || typeof value === 'bigint') return Number(value);
  return value instanceof FloatToken ? value.value : value;
}

/** The seconds between two times, in either order; nothing unless there are exactly two. */
function timeDelta(found: readonly FoundValue[]): readonly JsonValue[] {
  const [start, end] = found.map(({ value }) =>
    typeof value === 'string' ? tryParseTimestamp(value) : undefined,
  );
  if (found.length !== 2 || start === undefined || end === undefined) return [null];
  const seconds = Math.abs(end - start) / 1e6;
  // Python's result is a float: as text it reads 12.0.
  return [Number.isInteger(seconds) ? new FloatToken(seconds) : seconds];
}

/** Looks each value up; what is not in the mapping becomes the default. */
function createMap(parameters: JsonObject): TraitPlugin {
  const values = parameters.values;
  if (values === undefined || !isJsonObject(values) || Object.keys(values).length === 0) {
    throw new PluginParameterError('values must be a mapping that is not empty');
  }
  const caseSensitive = parameters.case_sensitive ?? true;
  if (typeof caseSensitive !== 'boolean')
    throw new PluginParameterError('case_sensitive must be true or false');
  const fold = (text: string) => (caseSensitive ? text : foldCase(text));
  const byKey = new Map(Object.entries(values).map(([key, value]) => [fold(key), value]));
  const fallback = parameters.default ?? null;
  return (found) =>
    found.map(({ value }) => {
      const mapped = byKey.get(fold(toText(value)));
      return mapped === undefined ? fallback : mapped;
    });
}

/** As Python's casefold(): `ß` equals `SS`. */
function foldCase(text: string): string {
  return text.toUpperCase().toLowerCase();
}

function integerParameter(parameters: JsonObject, name: string, fallback?: number): number {
  const value = parameters[name] ?? fallback;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw new PluginParameterError(`${name} must be an integer`);
  }
  return value;
}
