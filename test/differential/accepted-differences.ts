import { readFileSync } from 'node:fs';
import { stringifyExact } from '../../src/lib/exact-json.ts';
import { compileWildcard } from '../../src/lib/wildcard.ts';
import type { JsonValue } from '../../src/model/json.ts';

/** Who has it: the system under test, or the file that the original made. */
export type Side = 'ours' | 'expected';

/** One way in which two conversions of a notification differ. A value that is not there is undefined. */
export type Difference =
  | {
      readonly kind: 'trait';
      readonly name: string;
      readonly ours: JsonValue | undefined;
      readonly expected: JsonValue | undefined;
    }
  | {
      readonly kind: 'field';
      readonly meter: string;
      readonly field: string;
      readonly ours: JsonValue | undefined;
      readonly expected: JsonValue | undefined;
    }
  | { readonly kind: 'sample'; readonly meter: string; readonly side: Side; readonly sample: JsonValue }
  | {
      readonly kind: 'line';
      readonly what: string;
      readonly ours: JsonValue | undefined;
      readonly expected: JsonValue | undefined;
    };

/** A difference that is wanted, with its reason, and how often it was met. */
export interface AcceptedDifference {
  readonly reason: string;
  readonly label: string;
  readonly accepts: (eventType: string, difference: Difference) => boolean;
}

interface Rule {
  readonly event_type: string;
  readonly reason: string;
  readonly trait?: string;
  readonly meter?: string;
  readonly field?: string;
  readonly side?: Side;
  readonly expected?: JsonValue;
}

/** Reads accepted-differences.jsonl; lines that begin with `#` are comments. */
export function readAcceptedDifferences(file: string): readonly AcceptedDifference[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => compileRule(JSON.parse(line)));
}

function compileRule(rule: Rule): AcceptedDifference {
  const isType = compileWildcard(rule.event_type);
  const accepts = rule.trait === undefined ? compileMeterRule(rule) : compileTraitRule(rule, rule.trait);
  const { reason, event_type, ...rest } = rule;
  return {
    reason,
    label: `${event_type} ${Object.values(rest).map(String).join(' ')}`,
    accepts: (eventType, difference) => isType(eventType) && accepts(difference),
  };
}

function compileTraitRule(rule: Rule, pattern: string): (difference: Difference) => boolean {
  const isTrait = compileWildcard(pattern);
  return (difference) => {
    if (difference.kind !== 'trait' || !isTrait(difference.name)) return false;
    if (rule.side === 'ours') return difference.expected === undefined;
    return rule.side === 'expected' ? difference.ours === undefined : true;
  };
}

function compileMeterRule(rule: Rule): (difference: Difference) => boolean {
  const isMeter = compileWildcard(rule.meter ?? '');
  return (difference) => {
    if (difference.kind === 'sample') {
      return rule.field === undefined && difference.side === rule.side && isMeter(difference.meter);
    }
    if (difference.kind !== 'field' || difference.field !== rule.field || !isMeter(difference.meter))
      return false;
    return rule.expected === undefined || isExpected(rule.expected, difference.expected);
  };
}

function isExpected(wanted: JsonValue, value: JsonValue | undefined): boolean {
  if (wanted === '(absent)') return value === undefined;
  return value !== undefined && stringifyExact(wanted) === stringifyExact(value);
}
