import { tryParseTimestamp } from '../../src/lib/timestamp.ts';
import type { RecordedAnswer, RecordedCase } from './recorded-cases.ts';

/** An answer of ours. */
export interface OwnAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
}

/** How the items of a list may differ; see the README of the data. */
type ListRules = Pick<RecordedCase, 'ordered' | 'ties' | 'cut' | 'any' | 'ignore' | 'text'>;

/** What differs between our answer and a recorded one, one line each; empty when they agree. */
export function differences(own: OwnAnswer, recorded: RecordedAnswer, rules: ListRules): readonly string[] {
  if (own.status !== recorded.status) {
    return [`status ${own.status} instead of ${recorded.status}: ${short(own.body)}`];
  }
  if (own.type !== recorded.type) return [`type ${own.type} instead of ${recorded.type}`];
  if (recorded.status >= 400) return rules.text === 'free' ? [] : faultDifferences(own.body, recorded.body);
  if (!Array.isArray(recorded.body) || !Array.isArray(own.body)) {
    return sameItem(own.body, recorded.body, rules) ? [] : [itemDifference(own.body, recorded.body)];
  }
  return listDifferences(own.body, recorded.body, rules);
}

/** Only fault code and text are the contract; routing errors have a description instead. */
function faultDifferences(own: unknown, recorded: unknown): readonly string[] {
  const pick = (body: unknown) => {
    const fault = at(body, 'error_message');
    return [at(fault, 'faultcode'), at(fault, 'faultstring')].map(String).join(' ');
  };
  return pick(own) === pick(recorded) ? [] : [`"${pick(own)}" instead of "${pick(recorded)}"`];
}

function listDifferences(
  own: readonly unknown[],
  recorded: readonly unknown[],
  rules: ListRules,
): readonly string[] {
  if (rules.any !== undefined) {
    if (own.length !== rules.any) return [`${own.length} items instead of ${rules.any}`];
    return matchUp(own, recorded, rules).extra.map((item) => `not one of the expected: ${short(item)}`);
  }
  if (own.length !== recorded.length) {
    return [`${own.length} items instead of ${recorded.length}`, ...setDifferences(own, recorded, rules)];
  }
  if (!rules.ordered) return setDifferences(own, recorded, rules);
  return orderedDifferences(own, recorded, rules);
}

/** Lists of equal length: groups of equal sort keys stand in the same places, in any order inside. */
function orderedDifferences(
  own: readonly unknown[],
  recorded: readonly unknown[],
  rules: ListRules,
): readonly string[] {
  const groups = rules.ties === undefined ? recorded.map((item) => [item]) : tieGroups(recorded, rules.ties);
  let start = 0;
  for (const [index, group] of groups.entries()) {
    const ours = own.slice(start, start + group.length);
    start += group.length;
    if (rules.cut === true && index === groups.length - 1) {
      // The limit fell among equals: which of them are given is free, but they are equals.
      const keys = rules.ties ?? [];
      const strange = ours.filter((item) => !sameKeys(item, group[0], keys));
      return strange.map((item) => `not among the equals at the end: ${short(item)}`);
    }
    const found = setDifferences(ours, group, rules);
    if (found.length > 0) return [`from item ${start - group.length} on:`, ...found];
  }
  return [];
}

function tieGroups(items: readonly unknown[], keys: readonly string[]): readonly (readonly unknown[])[] {
  const groups: unknown[][] = [];
  for (const item of items) {
    const last = groups.at(-1);
    if (last !== undefined && sameKeys(last[0], item, keys)) last.push(item);
    else groups.push([item]);
  }
  return groups;
}

function sameKeys(left: unknown, right: unknown, keys: readonly string[]): boolean {
  return keys.every((key) => sameValue(at(left, key), at(right, key)));
}

function setDifferences(
  own: readonly unknown[],
  recorded: readonly unknown[],
  rules: ListRules,
): readonly string[] {
  const { extra, missing } = matchUp(own, recorded, rules);
  if (extra.length === 1 && missing.length === 1) return [itemDifference(extra[0], missing[0])];
  return [
    ...missing.slice(0, 3).map((item) => `missing: ${short(item)}`),
    ...extra.slice(0, 3).map((item) => `extra: ${short(item)}`),
  ];
}

/** Items of ours without a recorded partner of their own, and recorded ones without one of ours. */
function matchUp(own: readonly unknown[], recorded: readonly unknown[], rules: ListRules) {
  const missing = [...recorded];
  const extra = own.filter((item) => {
    const partner = missing.findIndex((candidate) => sameItem(item, candidate, rules));
    if (partner === -1) return true;
    missing.splice(partner, 1);
    return false;
  });
  return { extra, missing };
}

function sameItem(own: unknown, recorded: unknown, rules: ListRules): boolean {
  return sameValue(without(own, rules.ignore ?? []), without(recorded, rules.ignore ?? []));
}

function without(item: unknown, keys: readonly string[]): unknown {
  if (!isRecord(item)) return item;
  return Object.fromEntries(Object.entries(item).filter(([key]) => !keys.includes(key)));
}

function sameValue(left: unknown, right: unknown): boolean {
  if (typeof left === 'number' && typeof right === 'number') return sameNumber(left, right);
  if (typeof left === 'string' && typeof right === 'string') return sameText(left, right);
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => sameValue(item, right[index]));
  }
  if (isRecord(left) && isRecord(right)) return sameRecord(left, right);
  return left === right;
}

function sameRecord(left: Record<string, unknown>, right: Record<string, unknown>): boolean {
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => {
    if (!Object.hasOwn(right, key)) return false;
    if (key === 'links') return sameLinks(left[key], right[key]);
    if (key === 'value' && left['type'] === 'float') return sameNumber(Number(left[key]), Number(right[key]));
    return sameValue(left[key], right[key]);
  });
}

function sameNumber(left: number, right: number): boolean {
  return left === right || Math.abs(left - right) <= 1e-9 * Math.max(Math.abs(left), Math.abs(right));
}

function sameText(left: string, right: string): boolean {
  if (left === right) return true;
  const instant = /^\d{4}-\d\d-\d\dT/.test(left) ? tryParseTimestamp(left) : undefined;
  return instant !== undefined && instant === tryParseTimestamp(right);
}

/**
 * Links are compared without scheme and host, as sets: the original repeats the link of a meter for each of its units.
 * It does not quote identifiers (T-06), we do.
 */
function sameLinks(own: unknown, recorded: unknown): boolean {
  return sameValue(
    linkSet(own, decodeURIComponent),
    linkSet(recorded, (href) => href),
  );
}

function linkSet(links: unknown, unquote: (href: string) => string): readonly string[] {
  if (!Array.isArray(links)) return [];
  const texts = links.map((link) => {
    const path = String(at(link, 'href')).replace(/^https?:\/\/[^/]*/, '');
    return `${at(link, 'rel')} ${unquote(path)}`;
  });
  return [...new Set(texts)].sort();
}

function itemDifference(own: unknown, recorded: unknown): string {
  if (!isRecord(own) || !isRecord(recorded)) return `${short(own)} instead of ${short(recorded)}`;
  const keys = [...new Set([...Object.keys(recorded), ...Object.keys(own)])];
  const different = keys.filter((key) => !sameRecord({ [key]: own[key] }, { [key]: recorded[key] }));
  return different.map((key) => `${key} ${short(own[key])} instead of ${short(recorded[key])}`).join('; ');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at(value: unknown, key: string): unknown {
  return isRecord(value) ? value[key] : undefined;
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}
