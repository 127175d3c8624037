import { MAX_JSON_DEPTH } from '../lib/exact-json.ts';
import { isList } from '../lib/json-list.ts';
import { pythonFloatText } from '../lib/python-text.ts';
import { FloatToken, isJsonObject, type JsonArray, type JsonObject, type JsonValue } from '../model/json.ts';
import { keyOrder } from './key-order.ts';

/** The key that holds the signature and is not part of what is signed. */
export const SIGNATURE_KEY = 'message_signature';

/**
 * Whose `str()` prints the values. Python 2 prints floats with 12 digits, texts inside of lists without the `b` before
 * them and long integers there with an `L`. It also prints mappings inside of lists in the order of its hash table,
 * which is not made again here: of those only the ones with a single key have the same text.
 */
export type SignatureDialect = 'python3' | 'python2';

/**
 * The text that a signature is made of: for each level the keys in code point order, each with its value's text;
 * mappings as `outer:inner`, lists as Python prints a list of bytes. Nothing separates names and values, so different
 * messages can have the same text: that is how the original signs. Pure.
 *
 * Throws RangeError for nesting deeper than `MAX_JSON_DEPTH`.
 * Source: ceilometer `publisher/utils.py` and `utils.py`, recursive_keypairs and decode_unicode.
 */
export function signatureText(message: JsonObject, dialect: SignatureDialect): string {
  return walk(message, '', dialect, 0);
}

function walk(mapping: JsonObject, prefix: string, dialect: SignatureDialect, depth: number): string {
  checkDepth(depth);
  let text = '';
  for (const key of keyOrder(mapping).sorted) {
    const value = mapping[key];
    if (value === undefined) continue;
    const name = prefix + key;
    if (isJsonObject(value)) text += walk(value, `${name}:`, dialect, depth + 1);
    else if (name !== SIGNATURE_KEY) text += name + leafText(value, dialect, depth);
  }
  return text;
}

function leafText(value: Leaf, dialect: SignatureDialect, depth: number): string {
  if (typeof value === 'string') return value;
  if (isList(value)) return listText(value, dialect, depth + 1);
  return dialect === 'python3' ? scalarText(value) : python2ScalarText(value);
}

type Scalar = number | bigint | boolean | null | FloatToken;
type Leaf = string | Scalar | JsonArray;

/** Python's `str()` of what is neither text nor collection. */
export function scalarText(value: Scalar): string {
  switch (typeof value) {
    case 'number':
      return numberText(value);
    case 'bigint':
      return value.toString();
    case 'boolean':
      return value ? 'True' : 'False';
    default:
      return value === null ? 'None' : pythonFloatText(value.value);
  }
}

/** By the token that JSON text has for the number: with neither fraction nor exponent it is an integer. */
function numberText(value: number): string {
  const size = value < 0 ? -value : value;
  if (size < LEAST_WITH_EXPONENT && Number.isInteger(value)) return `${value}`;
  // Within these bounds both languages print the same digits without an exponent.
  return size >= 1e-4 && size < 1e16 ? `${value}` : pythonFloatText(value);
}

/** From here on JavaScript prints integral numbers as `1e+21`, which is a float for Python. */
const LEAST_WITH_EXPONENT = 1e21;

/** Python's `str()` of a list whose texts are bytes. Throws RangeError when it is nested too deeply. */
export function listText(list: JsonArray, dialect: SignatureDialect, depth: number): string {
  checkDepth(depth);
  let text = '[';
  for (const item of list) text += (text.length === 1 ? '' : ', ') + itemText(item, dialect, depth);
  return `${text}]`;
}

function itemText(value: JsonValue, dialect: SignatureDialect, depth: number): string {
  if (typeof value === 'string') return bytesLiteral(value, dialect);
  if (isList(value)) return listText(value, dialect, depth + 1);
  if (isJsonObject(value)) return mappingText(value, dialect, depth + 1);
  return dialect === 'python2' && isPython2Long(value) ? `${value}L` : scalarText(value);
}

function mappingText(mapping: JsonObject, dialect: SignatureDialect, depth: number): string {
  checkDepth(depth);
  let text = '{';
  for (const key of keyOrder(mapping).sorted) {
    const value = mapping[key];
    if (value === undefined) continue;
    text += `${text.length === 1 ? '' : ', '}${bytesLiteral(key, dialect)}: ${itemText(value, dialect, depth)}`;
  }
  return `${text}}`;
}

const SIMPLE_TEXT = /^[ !#-&(-[\]-~]*$/;

/** Python's literal of the UTF-8 bytes of a text. */
function bytesLiteral(text: string, dialect: SignatureDialect): string {
  const mark = dialect === 'python3' ? 'b' : '';
  if (SIMPLE_TEXT.test(text)) return `${mark}'${text}'`;
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let literal = mark + quote;
  for (const byte of Buffer.from(text)) literal += byteText(byte, quote);
  return literal + quote;
}

function byteText(byte: number, quote: string): string {
  switch (byte) {
    case 0x09:
      return '\\t';
    case 0x0a:
      return '\\n';
    case 0x0d:
      return '\\r';
    case 0x5c:
      return '\\\\';
    default:
      if (byte < 0x20 || byte > 0x7e) return `\\x${byte < 16 ? '0' : ''}${byte.toString(16)}`;
      return byte === quote.charCodeAt(0) ? `\\${quote}` : String.fromCharCode(byte);
  }
}

/** Beyond 64 bits an integer is of another type there. */
function isPython2Long(value: Scalar): value is bigint {
  return typeof value === 'bigint' && BigInt.asIntN(64, value) !== value;
}

function python2ScalarText(value: Scalar): string {
  if (value instanceof FloatToken) return python2FloatText(value.value);
  if (typeof value !== 'number') return scalarText(value);
  const isInteger = Number.isInteger(value) && Math.abs(value) < LEAST_WITH_EXPONENT;
  return isInteger ? scalarText(value) : python2FloatText(value);
}

/** C's `%.12g`, and `.0` behind what would look like an integer. */
function python2FloatText(value: number): string {
  if (!Number.isFinite(value) || value === 0) return pythonFloatText(value);
  const [mantissa = '', exponentText = ''] = value.toExponential(11).split('e');
  const exponent = Number(exponentText);
  const digits = mantissa.replace(/\.?0+$/, '');
  if (exponent < -4 || exponent >= 12) {
    const size = `${Math.abs(exponent)}`.padStart(2, '0');
    return `${digits}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  const fixed = value.toFixed(11 - exponent);
  return fixed.includes('.') ? fixed.replace(/0+$/, '').replace(/\.$/, '.0') : `${fixed}.0`;
}

function checkDepth(depth: number): void {
  if (depth >= MAX_JSON_DEPTH) throw new RangeError(`Nested deeper than ${MAX_JSON_DEPTH} levels`);
}
