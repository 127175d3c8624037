import type { Sample } from '../../model/sample.ts';
import { type Conversion, emitConverted, readConversion } from './conversion.ts';
import { createDifferenceTransformer } from './difference.ts';
import { defineTransformer, type ParameterReader } from './parameters.ts';
import type { Difference, Predecessor } from './predecessors.ts';
import type { Transformer, TransformerTools } from './transformer.ts';

/** Change per second since the sample before of the same meter and resource, times a scale. */
export const RATE_OF_CHANGE = defineTransformer({ name: 'rate_of_change', read, make });

function read(parameters: ParameterReader): Conversion {
  const conversion = readConversion(parameters);
  const target = parameters.section('target');
  if (conversion.scale?.kind === 'factor') {
    const message =
      'scale is a number: the rate is multiplied by it; Ceilometer multiplies the current volume in too';
    target.warn('scale', 'E1136', message, 'Write it in quotes: then both mean the same.');
  }
  if (conversion.type === null) {
    const message = 'Without target.type a rate keeps the type of its meter, as in Ceilometer';
    parameters.warn('target', 'E1136', message, 'Add "type: gauge".');
  }
  return conversion;
}

function make(conversion: Conversion, tools: TransformerTools): Transformer {
  return createDifferenceTransformer(rate, tools, (sample, difference, emit) =>
    emitConverted(sample, conversion, factorOf(conversion, sample) * difference, tools, emit),
  );
}

/**
 * Seconds from one sample to the next, negative when the second is the older one. The poller's own clock is better than
 * the timestamps, as nobody sets it; but it begins anew when the poller's host does, and then only the timestamps go on.
 */
function elapsedSeconds(previous: Predecessor, sample: Sample): number {
  const byTimestamp = (sample.timestampMicros - previous.timestampMicros) / 1e6;
  if (previous.monotonicTime === null || sample.monotonicTime === null) return byTimestamp;
  const byClock = sample.monotonicTime - previous.monotonicTime;
  return byClock > 0 || byTimestamp <= 0 ? byClock : byTimestamp;
}

/** A counter that fell began anew in between, so what it shows now is the least it grew. */
function growth(previous: Predecessor, sample: Sample): number {
  const isReset = sample.type === 'cumulative' && sample.volume < previous.volume;
  return isReset ? sample.volume : sample.volume - previous.volume;
}

function rate(previous: Predecessor, sample: Sample): Difference {
  const seconds = elapsedSeconds(previous, sample);
  if (seconds < 0) return 'late';
  return seconds === 0 ? 0 : growth(previous, sample) / seconds;
}

function factorOf({ scale }: Conversion, sample: Sample): number {
  if (scale === null) return 1;
  return scale.kind === 'factor' ? scale.factor : scale.evaluate(sample);
}
