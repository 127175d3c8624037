import { isJsonObject, type JsonValue } from '../model/json.ts';
import { isList } from './json-list.ts';
import {
  asFloat,
  PythonArithmeticError,
  pythonAbsolute,
  pythonRound,
} from './python-expression-arithmetic.ts';
import { pythonFloat, pythonInt } from './python-text.ts';
import { describeType, PythonTypeError, pythonCompare } from './python-values.ts';

/** A function an expression may call: pure, and how many values it takes. */
export interface PythonFunction {
  readonly least: number;
  readonly most: number;
  /** Throws PythonTypeError, PythonOverflowError or PythonArithmeticError for what Python refuses. */
  call(inputs: readonly JsonValue[]): JsonValue;
}

/** The original had none of them: its names are looked up in the sample first, and a missing one is an empty value. */
export const FUNCTIONS: ReadonlyMap<string, PythonFunction> = new Map<string, PythonFunction>([
  ['int', { least: 1, most: 1, call: ([value = null]) => toInteger(value) }],
  ['float', { least: 1, most: 1, call: ([value = null]) => toFloat(value) }],
  ['abs', { least: 1, most: 1, call: ([value = null]) => pythonAbsolute(value) }],
  ['round', { least: 1, most: 2, call: ([value = null, digits = null]) => pythonRound(value, digits) }],
  ['min', { least: 1, most: 100, call: (inputs) => pick('min', inputs, -1) }],
  ['max', { least: 1, most: 100, call: (inputs) => pick('max', inputs, 1) }],
  ['len', { least: 1, most: 1, call: ([value = null]) => length(value) }],
]);

function toInteger(value: JsonValue): JsonValue {
  const integer = pythonInt(value);
  if (integer === undefined) throw new PythonArithmeticError(`int cannot be made of ${shown(value)}`);
  return integer;
}

function toFloat(value: JsonValue): JsonValue {
  const float = pythonFloat(value);
  if (float === undefined) throw new PythonArithmeticError(`float cannot be made of ${shown(value)}`);
  return asFloat(float);
}

function shown(value: JsonValue): string {
  return typeof value === 'string' ? `the text ${JSON.stringify(value.slice(0, 50))}` : describeType(value);
}

/** Of several values, or of the items of one list, the first that is smallest (-1) or largest (1). */
function pick(name: string, inputs: readonly JsonValue[], direction: 1 | -1): JsonValue {
  const [only] = inputs;
  const values = inputs.length === 1 && isList(only) ? only : inputs;
  if (values === inputs && inputs.length === 1)
    throw new PythonTypeError(`${name} takes a list or several values`);
  const [first, ...others] = values;
  if (first === undefined) throw new PythonArithmeticError(`${name} of an empty list`);
  return others.reduce((best, value) => (pythonCompare(value, best) * direction > 0 ? value : best), first);
}

function length(value: JsonValue): JsonValue {
  if (typeof value === 'string') return [...value].length;
  if (isList(value)) return value.length;
  if (isJsonObject(value)) return Object.keys(value).length;
  throw new PythonTypeError(`len does not apply to ${describeType(value)}`);
}
