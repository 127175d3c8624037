import { compilePythonRegex, RegexSyntaxError } from '../../lib/python-regex.ts';
import { compileReplacement } from '../../lib/python-replacement.ts';
import type { ParameterReader } from './parameters.ts';

/**
 * How the name or the unit of a product comes from that of its sample: `map_from` and `map_to` replace what matches, a
 * fixed `target` value stands in where there is none, else it stays as it is.
 */
export type FieldMapping<Value extends string | null> = (own: Value) => Value;

/** A sender that invents names must not fill the memory. */
const MAX_CACHED = 10_000;

/** Reads `source.map_from.name`, `target.map_to.name` and `target.name`. */
export function readNameMapping(parameters: ParameterReader): FieldMapping<string> {
  const fixed = parameters.section('target').text('name');
  const replace = readReplacement(parameters, 'name');
  return (own) => replace?.(own) || fixed || own;
}

/** The same for units; a sample without unit has nothing to replace. */
export function readUnitMapping(parameters: ParameterReader): FieldMapping<string | null> {
  const fixed = parameters.section('target').text('unit');
  const replace = readReplacement(parameters, 'unit');
  return (own) => (own === null ? undefined : replace?.(own)) || fixed || own;
}

/** The substitution for `name` or `unit`, if both of its halves are there. */
function readReplacement(
  parameters: ParameterReader,
  field: 'name' | 'unit',
): ((own: string) => string) | undefined {
  const from = parameters.section('source').section('map_from');
  const to = parameters.section('target').section('map_to');
  const pattern = from.text(field);
  const template = to.text(field);
  if (pattern !== null && template !== null) return compile(from, to, field, pattern, template);
  if (pattern !== null) from.warn(field, 'E1115', `map_from.${field} has no effect without map_to.${field}`);
  if (template !== null) to.warn(field, 'E1115', `map_to.${field} has no effect without map_from.${field}`);
  return undefined;
}

function compile(
  from: ParameterReader,
  to: ParameterReader,
  field: string,
  pattern: string,
  template: string,
): ((own: string) => string) | undefined {
  const regex = tryRegex(from, field, () => compilePythonRegex(pattern));
  if (regex === undefined) return undefined;
  const replace = tryRegex(to, field, () => compileReplacement(regex, template));
  return replace === undefined ? undefined : cached(replace);
}

function tryRegex<Result>(reader: ParameterReader, field: string, make: () => Result): Result | undefined {
  try {
    return make();
  } catch (thrown) {
    if (!(thrown instanceof RegexSyntaxError)) throw thrown;
    const message = `Bad regular expression, at its character ${thrown.offset + 1}: ${thrown.reason}`;
    reader.error(field, 'E1134', message, thrown.offset);
    return undefined;
  }
}

/** There are few names and many samples. */
function cached(replace: (own: string) => string): (own: string) => string {
  const known = new Map<string, string>();
  return (own) => {
    let result = known.get(own);
    if (result === undefined) {
      result = replace(own);
      if (known.size < MAX_CACHED) known.set(own, result);
    }
    return result;
  };
}
