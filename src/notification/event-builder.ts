import { PathEvaluationError } from '../lib/jsonpath.ts';
import { formatUtc } from '../lib/timestamp.ts';
import { type Event, TRAIT_TYPE, type Trait, type TraitType, type TraitValue } from '../model/event.ts';
import type { Notification, Priority } from '../model/notification.ts';
import type { ConversionReport } from './conversion-report.ts';
import type { Field } from './definition-field.ts';
import { rawDocument } from './stored-value.ts';
import { CoercionError, coerceTrait, needsExactValue, TEXT_TRAIT_LENGTH } from './trait-coercion.ts';

/** One trait of a definition. */
export interface CompiledTrait {
  readonly name: string;
  readonly type: TraitType;
  readonly field: Field;
}

/** Makes the event of a notification; what cannot be made of it is reported and left out. */
export type EventBuilder = (notification: Notification, report: ConversionReport) => Event;

/** Compiles the traits of one definition. */
export function createEventBuilder(
  traits: readonly CompiledTrait[],
  storeRaw: readonly Priority[],
): EventBuilder {
  const rawPriorities = new Set(storeRaw);
  return (notification, report) => ({
    messageId: notification.messageId,
    eventType: notification.eventType,
    generated: formatUtc(notification.timestampMicros),
    generatedMicros: notification.timestampMicros,
    priority: notification.priority,
    deployment: notification.deployment,
    traits: makeTraits(traits, notification, report),
    raw: rawPriorities.has(notification.priority) ? rawDocument(notification) : null,
  });
}

function makeTraits(
  definitions: readonly CompiledTrait[],
  notification: Notification,
  report: ConversionReport,
): readonly Trait[] {
  const traits: Trait[] = [];
  for (const definition of definitions) {
    const value = tryTraitValue(definition, notification, report);
    if (value !== null) traits.push([definition.name, definition.type, value]);
  }
  return traits;
}

function tryTraitValue(
  definition: CompiledTrait,
  notification: Notification,
  report: ConversionReport,
): TraitValue | null {
  try {
    return traitValue(definition, notification);
  } catch (error) {
    if (error instanceof CoercionError) {
      report.add(error.code, `trait ${definition.name} is left out: ${error.message}`);
    } else if (error instanceof PathEvaluationError) {
      report.add('E5013', `trait ${definition.name} is left out: ${error.message}`);
    } else {
      throw error;
    }
    return null;
  }
}

function traitValue({ type, field }: CompiledTrait, notification: Notification): TraitValue | null {
  const plain = field.value(notification);
  if (plain === null) return null;
  if (typeof plain === 'string') {
    if (type === TRAIT_TYPE.text && plain.length <= TEXT_TRAIT_LENGTH) return plain;
    // Services write an empty text where a date or a number is missing.
    if (plain === '' && type !== TRAIT_TYPE.text) return null;
  }
  const value = needsExactValue(type, plain) ? field.value(notification.exact()) : plain;
  return value === null ? null : coerceTrait(type, value);
}
