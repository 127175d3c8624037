import { losesNumbers, parseExact } from '../../lib/exact-json.ts';
import { TRAIT_TYPE, type Trait, type TraitType, type TraitValue } from '../../model/event.ts';
import { FloatToken, type JsonValue } from '../../model/json.ts';
import type { TraitCondition } from '../query.ts';
import { compareScalars } from './metadata-match.ts';

/** The traits of an event from their stored text, integers exact. */
export function parseTraits(text: string): readonly Trait[] {
  if (!losesNumbers(text)) return JSON.parse(text) as Trait[];
  const traits = parseExact(text) as readonly (readonly [string, number, JsonValue])[];
  return traits.map(([name, type, value]): Trait => {
    const plain = value instanceof FloatToken ? value.value : value;
    return [name, type as TraitType, plain as TraitValue];
  });
}

/** Whether one of the traits has the name and type of the condition and compares as it asks. Text by code point. */
export function meetsCondition(traits: readonly Trait[], { name, type, op, value }: TraitCondition): boolean {
  const wanted = comparable(type, value);
  return traits.some(
    ([traitName, traitType, traitValue]) =>
      traitName === name && traitType === type && compareScalars(comparable(type, traitValue), op, wanted),
  );
}

/**
 * The start of the stored text of every trait that can meet the condition, and for equality nearly always the whole of
 * it: where this does not occur in an event's traits the condition does not hold.
 */
export function conditionText({ name, type, op, value }: TraitCondition): string {
  const start = `[${JSON.stringify(name)},${type},`;
  const isText = type === TRAIT_TYPE.text || type === TRAIT_TYPE.datetime;
  return op === 'eq' && isText ? `${start}${JSON.stringify(String(value))}]` : start;
}

function comparable(type: TraitType, value: TraitValue): TraitValue {
  return type === TRAIT_TYPE.text || type === TRAIT_TYPE.datetime ? String(value) : value;
}
