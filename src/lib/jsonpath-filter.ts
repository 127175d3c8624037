import { isJsonObject, type JsonValue } from '../model/json.ts';
import { isList } from './json-list.ts';
import type { Comparison } from './jsonpath-ast.ts';
import { Datum, type Evaluation, type Finder, NO_MATCH, NO_PLACE } from './jsonpath-datum.ts';
import { PathEvaluationError } from './jsonpath-errors.ts';
import { compilePythonRegex } from './python-regex.ts';
import { pythonInt } from './python-text.ts';
import { describeType, isInteger, PythonTypeError, pythonCompare, pythonEquals } from './python-values.ts';

/** Whether one value found by a condition's path satisfies the condition. Never called with null. */
export type ValueTest = (value: JsonValue) => boolean;

export interface TermFinder {
  readonly find: Finder;
  /** Undefined: finding anything, even null, is enough. */
  readonly test: ValueTest | undefined;
}

/**
 * The items of a list for which every condition holds; nothing for anything but a list. All conditions are looked at for
 * every item, so one that fails with an error does so whatever the others say. Inside, `$` is the item.
 */
export function filterFinder(terms: readonly TermFinder[]): Finder {
  return (datum, evaluation) => {
    if (!isList(datum.value)) return NO_MATCH;
    evaluation.count(datum.value.length);
    const found: Datum[] = [];
    for (const [index, item] of datum.value.entries()) {
      let held = 0;
      for (const term of terms) held += holds(term, item, evaluation) ? 1 : 0;
      if (held === terms.length) found.push(new Datum(item, datum, index));
    }
    return found;
  };
}

function holds(term: TermFinder, item: JsonValue, evaluation: Evaluation): boolean {
  const matches = term.find(new Datum(item, undefined, NO_PLACE), evaluation);
  const { test } = term;
  if (test === undefined) return matches.length > 0;
  let any = false;
  for (const { value } of matches) if (value !== null && test(value)) any = true;
  return any;
}

/**
 * Compiles `OP literal`. With an integer or boolean literal a value first goes through Python's int(): text that is no
 * integer never satisfies, a list or mapping is an error; with a float or text nothing is converted, and an order between
 * different types is an error. Throws RegexSyntaxError for a bad expression after `~`.
 */
export function compileTest(comparison: Comparison, literal: JsonValue): ValueTest {
  const test = comparison === '~' ? matchTest(literal) : compareTest(comparison, literal);
  if (!isInteger(literal)) return test;
  return (value) => {
    const integer = pythonInt(value);
    if (integer === undefined) return notConverted(value);
    return test(integer);
  };
}

function notConverted(value: JsonValue): false {
  if (isList(value) || isJsonObject(value)) {
    throw new PathEvaluationError(`A filter cannot compare ${describeType(value)} with an integer`);
  }
  return false;
}

function matchTest(literal: JsonValue): ValueTest {
  if (typeof literal !== 'string') {
    return () => {
      throw new PathEvaluationError('~ needs an expression in quotes, not a number');
    };
  }
  const expression = compilePythonRegex(literal, { anchorStart: true });
  return (value) => {
    if (typeof value !== 'string')
      throw new PathEvaluationError(`~ does not apply to ${describeType(value)}`);
    return expression.test(value);
  };
}

function compareTest(comparison: Exclude<Comparison, '~'>, literal: JsonValue): ValueTest {
  switch (comparison) {
    case '=':
    case '==':
      return (value) => pythonEquals(value, literal);
    case '!=':
      return (value) => !pythonEquals(value, literal);
    case '<':
      return (value) => compare(value, literal) < 0;
    case '<=':
      return (value) => compare(value, literal) <= 0;
    case '>':
      return (value) => compare(value, literal) > 0;
    case '>=':
      return (value) => compare(value, literal) >= 0;
    default:
      throw new TypeError(`There is no comparison ${String(comparison satisfies never)}`);
  }
}

function compare(value: JsonValue, literal: JsonValue): number {
  try {
    return pythonCompare(value, literal);
  } catch (cause) {
    if (cause instanceof PythonTypeError) throw new PathEvaluationError(`In a filter: ${cause.message}`);
    throw cause;
  }
}
