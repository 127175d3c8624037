import type { Sample } from '../../model/sample.ts';
import { type Conversion, emitConverted, readConversion, warnAboutConstantScale } from './conversion.ts';
import { defineTransformer, type ParameterReader } from './parameters.ts';
import type { Scale } from './scaling.ts';
import type { Transformer, TransformerTools } from './transformer.ts';

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
  const { unit, scale } = parameters;
  return {
    take: (sample, _turn, emit) => {
      if (unit !== null && unit !== sample.unit) emit(sample);
      else emitConverted(sample, parameters, scaledVolume(scale, sample), tools, emit);
    },
    flush: () => {},
    drain: () => {},
    held: () => 0,
    series: () => 0,
  };
}

/** The volume that a scale makes of a sample: factor times volume, or the value of the expression alone. */
export function scaledVolume(scale: Scale | null, sample: Sample): number {
  if (scale === null) return sample.volume;
  return scale.kind === 'factor' ? sample.volume * scale.factor : scale.evaluate(sample);
}
