import type { ErrorCode } from '../component/error-codes.ts';
import { type Option, type OptionType, type OptionValues, Secret } from './option.ts';

/** What an option may be worth. */
export type OptionValue = OptionValues[OptionType] | null;

/** The value of an option's text, or what is wrong with it; the texts do not repeat the value. */
export type Converted =
  | { readonly ok: true; readonly value: OptionValue }
  | { readonly ok: false; readonly code: ErrorCode; readonly what: string; readonly hint: string };

/** Whether an option collects every occurrence of its name. */
export function isMulti(option: Option): boolean {
  return option.type === 'multi' || option.type === 'secret-multi';
}

/** Whether an option's value is never shown. */
export function isSecret(option: Option): boolean {
  return option.type === 'secret' || option.type === 'secret-multi';
}

/**
 * Converts the texts of an option (several only for `multi`) as oslo.config does, and checks range and choices. Pure.
 */
export function convert(option: Option, texts: readonly string[]): Converted {
  const text = texts.at(-1) ?? '';
  switch (option.type) {
    case 'string':
      return checkChoices(option, [text]) ?? good(text);
    case 'secret':
      return good(new Secret(text));
    case 'secret-multi':
      return good(Object.freeze(texts.map((one) => new Secret(one))));
    case 'multi':
      return checkChoices(option, texts) ?? good(Object.freeze([...texts]));
    case 'list':
      return convertList(option, text);
    case 'boolean':
      return convertBoolean(text);
    case 'integer':
    case 'port':
      return convertNumber(option, text, /^[-+]?\d+(?:_\d+)*$/, 'a whole number');
    case 'float':
      return convertNumber(option, text, /^[-+]?(?:\d+(?:_\d+)*\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i, 'a number');
  }
}

function good(value: OptionValue): Converted {
  return { ok: true, value };
}

/** Split at commas; quotes count for nothing, commas at the end neither. */
function convertList(option: Option, text: string): Converted {
  const trimmed = text.trim().replace(/,+$/, '');
  const items = trimmed === '' ? [] : trimmed.split(',').map((item) => item.trim());
  return checkChoices(option, items) ?? good(Object.freeze(items));
}

const booleans: ReadonlyMap<string, boolean> = new Map([
  ...['true', '1', 'on', 'yes'].map((word) => [word, true] as const),
  ...['false', '0', 'off', 'no'].map((word) => [word, false] as const),
]);

function convertBoolean(text: string): Converted {
  const value = booleans.get(text.trim().toLowerCase());
  if (value !== undefined) return good(value);
  return bad('E1008', 'is not true or false', `Write true or false.${commentHint(text)}`);
}

function convertNumber(option: Option, text: string, form: RegExp, kind: string): Converted {
  const trimmed = text.trim();
  // oslo.config reads an empty number as "not set"; only an option that may be unset can take that.
  if (trimmed === '' && option.default === null) return good(null);
  if (!form.test(trimmed)) {
    const unit = option.unit === undefined ? '' : ` (${option.unit})`;
    return bad('E1008', `is not ${kind}`, `Write ${kind}${unit} in digits.${commentHint(text)}`);
  }
  const value = Number(trimmed.replaceAll('_', ''));
  const { min, max } = rangeOf(option);
  const isExact = Number.isFinite(value) && (option.type === 'float' || Number.isSafeInteger(value));
  if (isExact && value >= min && value <= max) return good(value === 0 ? 0 : value);
  const range = describeRange(option) || 'with less digits';
  return bad('E1009', 'is out of range', `Write ${kind} ${range}.`);
}

/** The least and greatest value of a number. */
function rangeOf(option: Option): { readonly min: number; readonly max: number } {
  const isPort = option.type === 'port';
  return {
    min: option.min ?? (isPort ? 0 : Number.NEGATIVE_INFINITY),
    max: option.max ?? (isPort ? 65_535 : Number.POSITIVE_INFINITY),
  };
}

/** `from 0 to 65535`, `of at least 1`, `of at most 9`; empty when anything goes. */
export function describeRange(option: Option): string {
  const { min, max } = rangeOf(option);
  if (Number.isFinite(min) && Number.isFinite(max)) return `from ${min} to ${max}`;
  if (Number.isFinite(min)) return `of at least ${min}`;
  return Number.isFinite(max) ? `of at most ${max}` : '';
}

function checkChoices(option: Option, items: readonly string[]): Converted | null {
  const { choices } = option;
  if (choices === undefined || items.every((item) => choices.includes(item))) return null;
  const wrong = items.find((item) => !choices.includes(item)) ?? '';
  const otherCase = choices.find((choice) => choice.toLowerCase() === wrong.toLowerCase());
  const hint =
    otherCase === undefined ? `Write one of: ${choices.join(', ')}.` : `Write ${otherCase}; case counts.`;
  return bad('E1010', 'is not one of the choices', `${hint}${commentHint(wrong)}`);
}

/** The most common cause: the dialect has no comments behind a value. */
function commentHint(text: string): string {
  return /\s[#;]|^[#;]/.test(text)
    ? ' A comment needs a line of its own; behind a value it is part of the value.'
    : '';
}

function bad(code: ErrorCode, what: string, hint: string): Converted {
  return { ok: false, code, what, hint };
}
