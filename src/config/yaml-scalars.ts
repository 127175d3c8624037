/**
 * What PyYAML's safe loader makes of a plain scalar (YAML 1.1 as PyYAML 6 implements it, not as the specification
 * has it): `no` is false but `y` is text, `010` is 8 but `08` is text, `1e3` is text but `1.0e+3` is 1000.
 */
export type ScalarValue = string | number | boolean | null;

/** The value, or why there is none. */
export type ScalarResult =
  | { readonly ok: true; readonly value: ScalarValue }
  | { readonly ok: false; readonly why: 'malformed' | 'too-large' };

const booleans: ReadonlyMap<string, boolean> = new Map(
  Object.entries({
    yes: true,
    true: true,
    on: true,
    no: false,
    false: false,
    off: false,
  }).flatMap(([word, value]) =>
    [word, `${word.charAt(0).toUpperCase()}${word.slice(1)}`, word.toUpperCase()].map(
      (text) => [text, value] as const,
    ),
  ),
);
const nulls: ReadonlySet<string> = new Set(['', '~', 'null', 'Null', 'NULL']);

const integer =
  /^(?:[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/;
const float =
  /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;

/** What the tag `!!float` takes besides. */
const decimal = /^[-+]?(?:[0-9_]*\.)?[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?$/;

/** Reads an untagged plain scalar. Dates stay text as written: no file of ours has a date in it. Pure. */
export function resolvePlain(text: string): ScalarResult {
  if (nulls.has(text)) return { ok: true, value: null };
  const word = booleans.get(text);
  if (word !== undefined) return { ok: true, value: word };
  if (!/^[-+.0-9]/.test(text)) return { ok: true, value: text };
  if (integer.test(text)) return readInteger(text);
  if (float.test(text)) return readFloat(text);
  return { ok: true, value: text };
}

/** Reads a scalar with an explicit tag such as `!!int`; null when the tag is not one of the scalar kinds. Pure. */
export function resolveTagged(tag: string, text: string): ScalarResult | null {
  switch (tag) {
    case 'tag:yaml.org,2002:str':
    case 'tag:yaml.org,2002:timestamp':
      return { ok: true, value: text };
    case 'tag:yaml.org,2002:null':
      return { ok: true, value: null };
    case 'tag:yaml.org,2002:bool':
      return forced(booleans.get(text) ?? booleans.get(text.toLowerCase()));
    case 'tag:yaml.org,2002:int':
      return integer.test(text) ? readInteger(text) : malformed();
    case 'tag:yaml.org,2002:float':
      if (float.test(text)) return readFloat(text);
      return decimal.test(text) ? exact('float', Number(text.replaceAll('_', ''))) : malformed();
    default:
      return null;
  }
}

function forced(value: ScalarValue | undefined): ScalarResult {
  return value === undefined ? malformed() : { ok: true, value };
}

function malformed(): ScalarResult {
  return { ok: false, why: 'malformed' };
}

function readInteger(text: string): ScalarResult {
  const bare = text.replaceAll('_', '');
  const sign = bare.startsWith('-') ? -1 : 1;
  const digits = bare.replace(/^[-+]/, '');
  const value = readDigits(digits);
  if (Number.isNaN(value)) return malformed();
  return exact('integer', value === 0 ? 0 : sign * value);
}

function readDigits(digits: string): number {
  if (digits.startsWith('0b') || digits.startsWith('0x'))
    return digits.length > 2 ? Number(digits) : Number.NaN;
  if (digits.includes(':')) return readSexagesimal(digits);
  if (digits.startsWith('0') && digits.length > 1) return Number(`0o${digits.slice(1)}`);
  return Number(digits);
}

function readFloat(text: string): ScalarResult {
  const bare = text.replaceAll('_', '').toLowerCase();
  const sign = bare.startsWith('-') ? -1 : 1;
  const digits = bare.replace(/^[-+]/, '');
  if (digits === '.inf') return { ok: true, value: sign * Number.POSITIVE_INFINITY };
  if (digits === '.nan') return { ok: true, value: Number.NaN };
  return exact('float', sign * (digits.includes(':') ? readSexagesimal(digits) : Number(digits)));
}

/** `12:30:00` is 45000: base 60, as YAML 1.1 has it for times and angles. */
function readSexagesimal(digits: string): number {
  return digits.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

function exact(kind: 'integer' | 'float', value: number): ScalarResult {
  const fits = kind === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value);
  return fits ? { ok: true, value } : { ok: false, why: 'too-large' };
}
