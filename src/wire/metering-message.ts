import type { JsonObject, JsonValue } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';
import { readMapping, wireNumber } from './fields.ts';
import { readSample, type SampleKeys } from './sample-fields.ts';

const KEYS: SampleKeys = {
  name: 'counter_name',
  type: 'counter_type',
  unit: 'counter_unit',
  volume: 'counter_volume',
  id: 'message_id',
};

/**
 * The form in which samples travel between telemetry services: on the bus, by udp and tcp. Unsigned. A key
 * `deployment` is there only when the sample has one; readers of other releases ignore it, as every key they do not
 * know. Give it to `stringifyExact`, as it may hold a FloatToken. Never throws. Pure.
 *
 * Source: ceilometer `publisher/utils.py`, meter_message_from_counter.
 */
export function toMeteringMessage(sample: Sample): JsonObject {
  const message: Record<string, JsonValue> = {
    source: sample.source,
    counter_name: sample.name,
    counter_type: sample.type,
    counter_unit: sample.unit,
    counter_volume: wireNumber(sample.volume),
    user_id: sample.userId,
    user_name: sample.userName,
    project_id: sample.projectId,
    project_name: sample.projectName,
    resource_id: sample.resourceId,
    timestamp: sample.timestamp,
    resource_metadata: sample.resourceMetadata,
    message_id: sample.id,
    monotonic_time: sample.monotonicTime === null ? null : wireNumber(sample.monotonicTime),
  };
  if (sample.deployment !== null) message.deployment = sample.deployment;
  return message;
}

/**
 * The sample in a metering message of any release; its signature is not looked at. Unknown keys are ignored, text
 * volumes are read as numbers, a timestamp without zone is UTC. `parseMeteringMessage(toMeteringMessage(sample))`
 * is the sample. Pure.
 *
 * Throws a permanent `NephoscopeError` (E5020) when there is no name, type, finite volume, resource or readable time.
 */
export function parseMeteringMessage(message: JsonValue): Sample {
  return readSample(readMapping(message, 'E5020'), KEYS);
}
