import { NephoscopeError } from '../component/errors.ts';
import { pythonFloat } from '../lib/python-text.ts';
import { sampleId } from '../lib/sample-id.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import { SAMPLE_TYPES, type Sample, type SampleType } from '../model/sample.ts';
import { readInstant, readText, readTextOrNull, show, zonedText } from './fields.ts';

/** Under which keys a form of the sample has those fields that the two forms name differently. */
export interface SampleKeys {
  readonly name: string;
  readonly type: string;
  readonly unit: string;
  readonly volume: string;
  readonly id: string;
}

const CODE = 'E5020';
const EMPTY: JsonObject = Object.freeze({});

/**
 * The sample in a mapping, under the names that `keys` gives. Unknown keys are ignored; what may be null may be missing.
 * Without an id it gets one made of what it says, so that the same message is the same sample each time.
 *
 * Throws a permanent `NephoscopeError` (E5020) when it has no name, type, finite volume, resource or readable timestamp.
 */
export function readSample(message: JsonObject, keys: SampleKeys): Sample {
  const name = readText(message, keys.name, CODE);
  const type = readType(message, keys.type);
  const volume = readVolume(message, keys.volume);
  const resourceId = readText(message, 'resource_id', CODE, true);
  const timestampMicros = readInstant(message, 'timestamp', CODE);
  const metadata = message.resource_metadata;
  return {
    id:
      readTextOrNull(message[keys.id]) || sampleId(timestampMicros, 'message', name, resourceId, `${volume}`),
    name,
    type,
    unit: readTextOrNull(message[keys.unit]),
    volume,
    userId: readTextOrNull(message.user_id),
    userName: readTextOrNull(message.user_name),
    projectId: readTextOrNull(message.project_id),
    projectName: readTextOrNull(message.project_name),
    resourceId,
    timestamp: zonedText(message.timestamp as string, timestampMicros),
    timestampMicros,
    resourceMetadata: isJsonObject(metadata) ? metadata : EMPTY,
    source: readTextOrNull(message.source) ?? 'openstack',
    deployment: readTextOrNull(message.deployment),
    monotonicTime: readMonotonicTime(message.monotonic_time),
  };
}

function readType(message: JsonObject, key: string): SampleType {
  const value = message[key];
  for (const type of SAMPLE_TYPES) if (type === value) return type;
  throw new NephoscopeError(CODE, `${key} is ${show(value)}, none of ${SAMPLE_TYPES.join(', ')}`);
}

/** Text is read as Python's `float()` reads it. */
function readVolume(message: JsonObject, key: string): number {
  const value = message[key];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  const volume = value === undefined || value === null ? undefined : pythonFloat(value);
  if (volume !== undefined && Number.isFinite(volume)) return volume;
  throw new NephoscopeError(CODE, `${key} is ${show(value)}, no finite number`);
}

function readMonotonicTime(value: JsonValue | undefined): number | null {
  const seconds = value === undefined || value === null ? undefined : pythonFloat(value);
  return seconds !== undefined && Number.isFinite(seconds) ? seconds : null;
}
