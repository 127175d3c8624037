import { ACCUMULATOR } from './accumulator.ts';
import { AGGREGATOR } from './aggregator.ts';
import { ARITHMETIC } from './arithmetic.ts';
import { DELTA } from './delta.ts';
import { RATE_OF_CHANGE } from './rate-of-change.ts';
import type { TransformerDefinition } from './transformer.ts';
import { UNIT_CONVERSION } from './unit-conversion.ts';

/** Every transformer a sink can name. */
export const TRANSFORMERS: readonly TransformerDefinition[] = [
  UNIT_CONVERSION,
  RATE_OF_CHANGE,
  DELTA,
  ACCUMULATOR,
  AGGREGATOR,
  ARITHMETIC,
];
