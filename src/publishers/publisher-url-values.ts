import type { ErrorCode } from '../component/error-codes.ts';
import type { UrlParameter, UrlParameterType, UrlParameterValues } from './publisher.ts';

type Value = UrlParameterValues[UrlParameterType];

/** The value of a parameter's text, or what is wrong with it. */
export type ConvertedParameter =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string; readonly hint: string };

/**
 * Makes the value of what a URL says about one parameter: decoded texts, at least one; several are for type `texts`, else
 * the last counts. Boolean words are those of oslo.utils. Pure; never throws.
 */
export function convertParameter(parameter: UrlParameter, texts: readonly string[]): ConvertedParameter {
  const text = texts.at(-1) ?? '';
  switch (parameter.type) {
    case 'flag':
      return good(true);
    case 'text':
      return badChoice(parameter, texts.slice(-1)) ?? good(text);
    case 'texts':
      return badChoice(parameter, texts) ?? good(Object.freeze([...texts]));
    case 'boolean':
      return convertBoolean(parameter, text);
    case 'integer':
      return convertNumber(parameter, text, /^[-+]?\d+$/, 'a whole number');
    case 'float':
      return convertNumber(parameter, text, /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i, 'a number');
    default:
      return parameter.type satisfies never;
  }
}

/** `from 1 to 9`, `of at least 1`, `of at most 9`; empty when anything goes. */
export function describeParameterRange({ min, max }: Pick<UrlParameter, 'min' | 'max'>): string {
  if (min !== undefined && max !== undefined) return `from ${min} to ${max}`;
  if (min !== undefined) return `of at least ${min}`;
  return max === undefined ? '' : `of at most ${max}`;
}

function good(value: Value): ConvertedParameter {
  return { ok: true, value };
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['true', '1', 't', 'on', 'yes', 'y'].map((word) => [word, true] as const),
  ...['false', '0', 'f', 'off', 'no', 'n'].map((word) => [word, false] as const),
]);

function convertBoolean(parameter: UrlParameter, text: string): ConvertedParameter {
  const value = BOOLEANS.get(text.trim().toLowerCase());
  if (value !== undefined) return good(value);
  return bad('E1117', parameter, 'is not true or false', `Write ${parameter.name}=true or =false.`);
}

function convertNumber(
  parameter: UrlParameter,
  text: string,
  form: RegExp,
  kind: string,
): ConvertedParameter {
  const unit = parameter.unit === undefined ? '' : ` (${parameter.unit})`;
  const range = describeParameterRange(parameter);
  const hint = `Write ${kind}${range === '' ? '' : ` ${range}`}${unit}.`;
  const trimmed = text.trim();
  if (!form.test(trimmed)) return bad('E1117', parameter, `is not ${kind}`, hint);
  const value = Number(trimmed);
  const isExact = Number.isFinite(value) && (parameter.type === 'float' || Number.isSafeInteger(value));
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = parameter;
  if (isExact && value >= min && value <= max) return good(value === 0 ? 0 : value);
  return bad('E1118', parameter, 'is out of range', hint);
}

function badChoice(parameter: UrlParameter, texts: readonly string[]): ConvertedParameter | null {
  const { choices } = parameter;
  if (choices === undefined || texts.every((text) => choices.includes(text))) return null;
  return bad('E1119', parameter, 'is not one of the choices', `Write one of: ${choices.join(', ')}.`);
}

/** Values are not repeated: a parameter may be a token, or hold the rest of a password. */
function bad(code: ErrorCode, { name }: UrlParameter, what: string, hint: string): ConvertedParameter {
  return { ok: false, code, message: `The value of parameter ${name} ${what}`, hint };
}
