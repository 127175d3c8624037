import { quoted, stringifyExact } from '../lib/exact-json.ts';
import { pythonFloatText, pythonRepr } from '../lib/python-text.ts';
import { type Event, TRAIT_TYPE, type Trait, type TraitType } from '../model/event.ts';
import { isJsonObject, type JsonObject } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';
import { wireNumber } from '../wire/fields.ts';
import { mappingText } from '../wire/json-text.ts';
import { sampleMappingText } from '../wire/sample-mapping.ts';

/**
 * How the file publisher of the original writes samples and events, one line each, without line feed (reference: samples-and-events.md
 * section 5). All are pure; RangeError for metadata nested deeper than JSON texts may be.
 */

/** The internal mapping of a sample as JSON; keys of our own (`deployment`) are there only when they say something. */
export function sampleJsonLine(sample: Sample): string {
  return sampleMappingText(sample);
}

/** The same mapping as Python prints it. Written out, because that takes two thirds of the time of `pythonRepr`. */
export function samplePythonLine(sample: Sample): string {
  const { monotonicTime, deployment } = sample;
  return (
    `{'name': ${pythonRepr(sample.name)}, 'type': '${sample.type}', 'unit': ${pythonRepr(sample.unit)}, ` +
    `'volume': ${pythonRepr(wireNumber(sample.volume))}, ` +
    `'user_id': ${pythonRepr(sample.userId)}, 'user_name': ${pythonRepr(sample.userName)}, ` +
    `'project_id': ${pythonRepr(sample.projectId)}, 'project_name': ${pythonRepr(sample.projectName)}, ` +
    `'resource_id': ${pythonRepr(sample.resourceId)}, 'timestamp': ${pythonRepr(sample.timestamp)}, ` +
    `'resource_metadata': ${mappingRepr(sample.resourceMetadata)}, 'source': ${pythonRepr(sample.source)}, ` +
    `'id': ${pythonRepr(sample.id)}, ` +
    `'monotonic_time': ${monotonicTime === null ? 'None' : pythonRepr(wireNumber(monotonicTime))}` +
    (deployment === null ? '}' : `, 'deployment': ${pythonRepr(deployment)}}`)
  );
}

/** Deeper than this `pythonRepr` goes on: it knows where to end. */
const MAX_FAST_DEPTH = 16;

/** `pythonRepr` of a mapping, faster for the mappings in it. */
function mappingRepr(mapping: JsonObject, depth = 0): string {
  let text = '';
  for (const key of Object.keys(mapping)) {
    const value = mapping[key];
    if (value === undefined) continue;
    const isMapping = isJsonObject(value) && depth < MAX_FAST_DEPTH;
    const valueText = isMapping ? mappingRepr(value, depth + 1) : pythonRepr(value);
    text += `${text === '' ? '' : ', '}${pythonRepr(key)}: ${valueText}`;
  }
  return `{${text}}`;
}

/** An event as JSON: traits are mappings here, times have a blank between date and time. */
export function eventJsonLine(event: Event): string {
  const { messageId, eventType, generated, traits, raw, priority, deployment } = event;
  let text = `{"message_id":${quoted(messageId)},"event_type":${quoted(eventType)},"generated":"${withBlank(generated)}","traits":[`;
  for (let index = 0; index < traits.length; index++) {
    const trait = traits[index] as Trait;
    const head = traitHead(trait[0], trait[1]);
    text += index === 0 ? `${head}${traitJson(trait)}}` : `,${head}${traitJson(trait)}}`;
  }
  text += `],"raw":${raw === null ? '{}' : mappingText(raw)}`;
  if (priority !== null) text += `,"priority":"${priority}"`;
  return deployment === null ? `${text}}` : `${text},"deployment":${quoted(deployment)}}`;
}

/** An event as Python prints its mapping: times are `datetime.datetime(…)`. */
export function eventPythonLine(event: Event): string {
  const { messageId, eventType, generated, traits, raw, priority, deployment } = event;
  const traitTexts = traits.map(
    (trait) => `{'name': ${pythonRepr(trait[0])}, 'dtype': ${trait[1]}, 'value': ${traitPython(trait)}}`,
  );
  return (
    `{'message_id': ${pythonRepr(messageId)}, 'event_type': ${pythonRepr(eventType)}, ` +
    `'generated': ${pythonDatetime(generated)}, 'traits': [${traitTexts.join(', ')}], 'raw': ${pythonRepr(raw ?? {})}` +
    (priority === null ? '' : `, 'priority': '${priority}'`) +
    (deployment === null ? '}' : `, 'deployment': ${pythonRepr(deployment)}}`)
  );
}

/** Names come from definitions, which are few; from other senders too, so the memory for them has a bound. */
const MAX_HEADS = 4_096;
const heads = new Map<string, string[]>();

/** All of a trait that stands before its value. */
function traitHead(name: string, type: TraitType): string {
  let ofName = heads.get(name);
  if (ofName === undefined) {
    if (heads.size >= MAX_HEADS) heads.clear();
    ofName = [];
    heads.set(name, ofName);
  }
  ofName[type] ??= `{"name":${quoted(name)},"dtype":${type},"value":`;
  return ofName[type];
}

function traitJson([, type, value]: Trait): string {
  if (type === TRAIT_TYPE.datetime && typeof value === 'string') return quoted(withBlank(value));
  if (typeof value === 'string') return quoted(value);
  return type === TRAIT_TYPE.float && typeof value === 'number'
    ? pythonFloatText(value)
    : stringifyExact(value);
}

function traitPython([, type, value]: Trait): string {
  if (type === TRAIT_TYPE.datetime && typeof value === 'string') return pythonDatetime(value);
  return type === TRAIT_TYPE.float && typeof value === 'number' ? pythonFloatText(value) : pythonRepr(value);
}

/** Naive ISO text as Python's `str()` of the datetime. */
function withBlank(isoText: string): string {
  return isoText.replace('T', ' ');
}

const ISO = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/;

/** Python leaves out microseconds that are zero, and then seconds that are zero. */
function pythonDatetime(isoText: string): string {
  const parts = ISO.exec(isoText);
  if (parts === null) return pythonRepr(isoText);
  const numbers = parts.slice(1, 7).map(Number);
  const micros = Number((parts[7] ?? '').padEnd(6, '0'));
  if (micros > 0) numbers.push(micros);
  else if (numbers.at(-1) === 0) numbers.pop();
  return `datetime.datetime(${numbers.join(', ')})`;
}
