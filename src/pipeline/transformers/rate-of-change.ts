import type { Sample } from '../../model/sample.ts';
import { defineTransformer, type ParameterReader } from './parameters.ts';
import { type Difference, type Predecessor, Predecessors } from './predecessors.ts';
import { createProduct } from './product.ts';
import { type Conversion, capped, readConversion } from './shared-parameters.ts';
import type { Emit, Transformer, TransformerTools, Turn } from './transformer.ts';

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
  return new RateOfChange(conversion, tools);
}

/**
 * Seconds from one sample to the next, negative when the second is the older one. The poller's own clock is better than
 * the timestamps, as nobody sets it; but it begins anew when the poller's host does, and then only the timestamps go on.
 */
export function elapsedSeconds(previous: Predecessor, sample: Sample): number {
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

class RateOfChange implements Transformer {
  readonly #conversion: Conversion;
  readonly #tools: TransformerTools;
  readonly #predecessors: Predecessors;

  constructor(conversion: Conversion, tools: TransformerTools) {
    this.#conversion = conversion;
    this.#tools = tools;
    this.#predecessors = new Predecessors(rate, tools);
  }

  take(sample: Sample, turn: Turn, emit: Emit): void {
    const difference = this.#predecessors.take(sample, turn);
    if (typeof difference !== 'number') {
      this.#tools.drop(difference);
      return;
    }
    const { nameOf, unitOf, type, max } = this.#conversion;
    const volume = capped(this.#factor(sample) * difference, max);
    if (!Number.isFinite(volume)) {
      this.#tools.drop('not_finite');
      return;
    }
    const fields = {
      name: nameOf(sample.name),
      unit: unitOf(sample.unit),
      type: type ?? sample.type,
      volume,
    };
    emit(createProduct(sample, fields, this.#tools));
  }

  flush(): void {}

  drain(): void {
    this.#predecessors.clear();
  }

  held(): number {
    return 0;
  }

  series(): number {
    return this.#predecessors.size;
  }

  #factor(sample: Sample): number {
    const { scale } = this.#conversion;
    if (scale === null) return 1;
    return scale.kind === 'factor' ? scale.factor : scale.evaluate(sample);
  }
}
