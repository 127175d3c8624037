import { tryParseTimestamp } from '../lib/timestamp.ts';
import type { JsonScalar } from '../model/json.ts';
import type { Condition } from './conditions.ts';
import { type ApiError, badValue } from './errors.ts';
import { floatScalar, guessLiteral, parseBoolean, parseFloatText, parseInteger } from './python-values.ts';

const METADATA_TYPES = ['integer', 'float', 'string', 'boolean', 'datetime'];

/**
 * The value of a metadata condition in the type it is to be compared as; without a type it is guessed as a Python
 * literal. Throws an `ApiError` (400). Pure.
 */
export function metadataValue(condition: Condition): JsonScalar {
  const { value, type } = condition;
  switch (type) {
    case null:
      return guessLiteral(value);
    case 'string':
      return value;
    case 'integer':
      return parsed(parseInteger(value), condition);
    case 'float':
      return floatScalar(parsed(parseFloatText(value), condition));
    case 'boolean':
      return parsed(parseBoolean(value), condition);
    case 'datetime':
      // Metadata have no times of their own; they are kept as the text the sender wrote.
      parsed(tryParseTimestamp(value), condition);
      return value;
    default:
      throw unknownType(type, METADATA_TYPES);
  }
}

/** The value of a conversion, or the error the original gives where it failed. */
export function parsed<Value>(value: Value | undefined, { value: text, type }: Condition): Value {
  if (value === undefined)
    throw badValue(`Unable to convert the value ${text} to the expected data type ${type}.`);
  return value;
}

/** The error of the original for a type it does not have. */
export function unknownType(type: string, known: readonly string[]): ApiError {
  const list = known.map((name) => `'${name}'`).join(', ');
  return badValue(`The data type ${type} is not supported. The supported data type list is: [${list}]`);
}
