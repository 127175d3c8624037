import { NephoscopeError } from '../component/errors.ts';
import { stringifyExact } from '../lib/exact-json.ts';
import { PythonLiteralError, parsePythonLiteral } from '../lib/python-literal.ts';
import { formatUtc, toZonedText, tryParseTimestamp } from '../lib/timestamp.ts';
import { isJsonObject, type JsonObject } from '../model/json.ts';
import { SAMPLE_TYPES, type Sample } from '../model/sample.ts';
import { toMeteringMessage } from '../wire/metering-message.ts';

/** What the options of `send-sample` say, as text where it is to be read. */
export interface SampleOptions {
  readonly sampleName: string;
  readonly sampleType: string;
  readonly sampleUnit?: string;
  readonly sampleVolume: string;
  readonly sampleResource: string;
  readonly sampleUser?: string;
  readonly sampleProject?: string;
  readonly sampleTimestamp?: string;
  readonly sampleMetadata?: string;
}

/**
 * The sample the options describe. Everything that conversion would refuse is refused here, so that "taken" means taken.
 * Throws a permanent `NephoscopeError` (E6033, E6034) that names the option. Pure.
 */
export function readSample(options: SampleOptions, id: string, nowMillis: number): Sample {
  const timestamp = options.sampleTimestamp ?? formatUtc(Math.round(nowMillis * 1_000));
  const zoned = toZonedText(timestamp);
  const micros = tryParseTimestamp(timestamp);
  if (zoned === undefined || micros === undefined) {
    throw bad('--sample-timestamp', timestamp, 'is no time; write it like 2026-01-02T03:04:05, in UTC');
  }
  return {
    id,
    name: notEmpty('--sample-name', options.sampleName),
    type: typeOf(options.sampleType),
    unit: options.sampleUnit ?? null,
    volume: volumeOf(options.sampleVolume),
    userId: options.sampleUser ?? null,
    userName: null,
    projectId: options.sampleProject ?? null,
    projectName: null,
    resourceId: notEmpty('--sample-resource', options.sampleResource),
    timestamp: zoned,
    timestampMicros: micros,
    resourceMetadata: metadataOf(options.sampleMetadata),
    source: 'openstack',
    deployment: null,
    monotonicTime: null,
  };
}

/**
 * The notification in which polling agents send samples, in its envelope, as text. `messageId` is that of the
 * notification. Pure.
 */
export function polledNotification(
  sample: Sample,
  messageId: string,
  host: string,
  nowMillis: number,
): string {
  const message = {
    message_id: messageId,
    publisher_id: `nephoscope.send-sample.${host}`,
    event_type: 'telemetry.polling',
    priority: 'SAMPLE',
    timestamp: formatUtc(Math.round(nowMillis * 1_000)).replace('T', ' '),
    payload: { samples: [toMeteringMessage(sample)] },
  };
  return JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': stringifyExact(message) });
}

function typeOf(text: string): Sample['type'] {
  const type = SAMPLE_TYPES.find((one) => one === text);
  if (type === undefined) throw bad('--sample-type', text, `is none of ${SAMPLE_TYPES.join(', ')}`);
  return type;
}

/** The original takes whole numbers only. */
function volumeOf(text: string): number {
  const volume = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(volume)) throw bad('--sample-volume', text, 'is no number');
  return volume;
}

function notEmpty(option: string, text: string): string {
  if (text.trim() === '') throw bad(option, text, 'is empty');
  return text;
}

function metadataOf(text: string | undefined): JsonObject {
  if (text === undefined) return {};
  const value = literalOf(text);
  if (isJsonObject(value)) return value;
  throw bad('--sample-metadata', text, 'is no mapping');
}

function literalOf(text: string) {
  try {
    return parsePythonLiteral(text);
  } catch (thrown) {
    if (!(thrown instanceof PythonLiteralError)) throw thrown;
    throw new NephoscopeError('E6034', `--sample-metadata: ${thrown.message}`, { cause: thrown });
  }
}

function bad(option: string, value: string, why: string): NephoscopeError {
  return new NephoscopeError('E6033', `${option} ${JSON.stringify(value.slice(0, 200))} ${why}`);
}
