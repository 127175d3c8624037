import type { Sample } from '../../model/sample.ts';
import { defineTransformer, type ParameterReader } from './parameters.ts';
import { createProduct } from './product.ts';
import type { Scale } from './scaling.ts';
import { type Conversion, capped, readConversion, warnAboutConstantScale } from './shared-parameters.ts';
import type { Emit, Transformer, TransformerTools, Turn } from './transformer.ts';

interface Parameters extends Conversion {
  /** Samples with another unit pass as they are; null: all are converted. */
  readonly unit: string | null;
}

/** Gives samples another name, unit, type or scale. Has no state. */
export const UNIT_CONVERSION = defineTransformer({ name: 'unit_conversion', read, make });

function read(parameters: ParameterReader): Parameters {
  const conversion = readConversion(parameters);
  warnAboutConstantScale(parameters, conversion);
  return { ...conversion, unit: parameters.section('source').text('unit') };
}

function make(parameters: Parameters, tools: TransformerTools): Transformer {
  return new UnitConversion(parameters, tools);
}

/** The volume that a scale makes of a sample: factor times volume, or the value of the expression alone. */
export function scaledVolume(scale: Scale | null, sample: Sample): number {
  if (scale === null) return sample.volume;
  return scale.kind === 'factor' ? sample.volume * scale.factor : scale.evaluate(sample);
}

class UnitConversion implements Transformer {
  readonly #parameters: Parameters;
  readonly #tools: TransformerTools;

  constructor(parameters: Parameters, tools: TransformerTools) {
    this.#parameters = parameters;
    this.#tools = tools;
  }

  take(sample: Sample, _turn: Turn, emit: Emit): void {
    const { unit, nameOf, unitOf, type, scale, max } = this.#parameters;
    if (unit !== null && unit !== sample.unit) {
      emit(sample);
      return;
    }
    const volume = capped(scaledVolume(scale, sample), max);
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

  drain(): void {}

  held(): number {
    return 0;
  }

  series(): number {
    return 0;
  }
}
