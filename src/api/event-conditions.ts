import { formatUtc, tryParseTimestamp } from '../lib/timestamp.ts';
import { TRAIT_TYPE, type TraitType, type TraitValue } from '../model/event.ts';
import type { ComparisonOperator, EventQuery, TraitCondition } from '../store/query.ts';
import type { Condition } from './conditions.ts';
import { badValue, invalidInput } from './errors.ts';
import { parseFloatText, parseInteger } from './python-values.ts';
import { parsed, unknownType } from './typed-value.ts';

const OPERATORS: readonly ComparisonOperator[] = ['lt', 'le', 'eq', 'ne', 'ge', 'gt'];
const TRAIT_TYPES = ['integer', 'float', 'string', 'datetime'];

/** Operators of the fields that are not traits; the first is the one error texts name. */
const FIELD_OPERATORS: ReadonlyMap<string, readonly ComparisonOperator[]> = new Map([
  ['event_type', ['eq']],
  ['message_id', ['eq']],
  ['deployment', ['eq']],
  ['priority', ['eq']],
  ['start_timestamp', ['ge', 'eq']],
  ['end_timestamp', ['le', 'eq']],
]);

/**
 * Translates a simple query on events. Every field that is not one of an event's own names a trait; all conditions
 * hold for the same event. Both spellings of the time operators are taken: `eq` was the one of Mitaka, `ge` and `le`
 * those of Newton. Throws an `ApiError` (400) with the texts of the original. Pure.
 */
export function eventConditions(conditions: readonly Condition[]): EventQuery {
  const query: { -readonly [Key in keyof EventQuery]: EventQuery[Key] } = {};
  const traits: TraitCondition[] = [];
  for (const condition of conditions) {
    const op = operatorOf(condition);
    switch (condition.field) {
      case 'event_type':
        query.eventType = condition.value;
        break;
      case 'message_id':
        query.messageId = condition.value;
        break;
      case 'deployment':
        query.deployment = condition.value;
        break;
      case 'priority':
        query.priority = condition.value.toLowerCase();
        break;
      case 'start_timestamp':
        query.startMicros = instant(condition);
        break;
      case 'end_timestamp':
        query.endMicros = instant(condition);
        break;
      default:
        traits.push(traitCondition(condition, op));
    }
  }
  return traits.length === 0 ? query : { ...query, traits };
}

function operatorOf({ field, op }: Condition): ComparisonOperator {
  const operator = OPERATORS.find((known) => known === op);
  if (operator === undefined) {
    const list = OPERATORS.map((known) => `'${known}'`).join(', ');
    throw badValue(`Operator ${op} is not supported. The supported operators are: (${list})`);
  }
  const allowed = FIELD_OPERATORS.get(field);
  if (allowed !== undefined && !allowed.includes(operator)) {
    throw badValue(
      `Operator ${op} is not supported. Only \`${allowed[0]}' operator is available for field ${field}`,
    );
  }
  return operator;
}

function instant({ field, value }: Condition): number {
  const micros = tryParseTimestamp(value);
  if (micros === undefined) throw invalidInput(field, value, 'invalid timestamp format');
  return micros;
}

function traitCondition(condition: Condition, op: ComparisonOperator): TraitCondition {
  const [type, value] = traitValue(condition);
  return { name: condition.field, type, op, value };
}

function traitValue(condition: Condition): readonly [TraitType, TraitValue] {
  const { value } = condition;
  switch (condition.type) {
    case null:
    case 'string':
      return [TRAIT_TYPE.text, value];
    case 'integer':
      return [TRAIT_TYPE.integer, parsed(parseInteger(value), condition)];
    case 'float':
      return [TRAIT_TYPE.float, parsed(parseFloatText(value), condition)];
    case 'datetime':
      return [TRAIT_TYPE.datetime, formatUtc(parsed(tryParseTimestamp(value), condition))];
    default:
      throw unknownType(condition.type, TRAIT_TYPES);
  }
}
