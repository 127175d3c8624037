import { SAMPLE_TYPES, type Sample, type SampleType } from '../../model/sample.ts';
import { type FieldMapping, readNameMapping, readUnitMapping } from './field-mapping.ts';
import type { ParameterReader } from './parameters.ts';
import { emitProduct } from './product.ts';
import { readScale, type Scale } from './scaling.ts';
import type { Emit, TransformerTools } from './transformer.ts';

/** What `source` and `target` say in unit_conversion, rate_of_change and aggregator. */
export interface Conversion {
  readonly nameOf: FieldMapping<string>;
  readonly unitOf: FieldMapping<string | null>;
  /** Null: that of the sample. */
  readonly type: SampleType | null;
  readonly scale: Scale | null;
  /** Nothing larger comes out. */
  readonly max: number | null;
}

export function readConversion(parameters: ParameterReader): Conversion {
  const target = parameters.section('target');
  return {
    nameOf: readNameMapping(parameters),
    unitOf: readUnitMapping(parameters),
    type: target.choice('type', SAMPLE_TYPES),
    scale: readScale(target),
    max: target.number('max'),
  };
}

/** An expression without any name gives every sample the same volume, which nobody means where it replaces the volume. */
export function warnAboutConstantScale(parameters: ParameterReader, { scale }: Conversion): void {
  if (scale?.kind !== 'expression' || !scale.isConstant) return;
  const message = 'scale is a text that names no field, so every sample gets the same volume';
  parameters
    .section('target')
    .warn('scale', 'E1136', message, 'Write a number without quotes, or "volume * …".');
}

export function capped(volume: number, max: number | null): number {
  return max !== null && volume > max ? max : volume;
}

/** Emits `sample` as the conversion wants it, with this volume. */
export function emitConverted(
  sample: Sample,
  { nameOf, unitOf, type, max }: Conversion,
  volume: number,
  tools: TransformerTools,
  emit: Emit,
): void {
  const fields = {
    name: nameOf(sample.name),
    unit: unitOf(sample.unit),
    type: type ?? sample.type,
    volume: capped(volume, max),
  };
  emitProduct(sample, fields, tools, emit);
}
