import type { Sample, SampleType } from '../../model/sample.ts';
import type { Emit, TransformerTools } from './transformer.ts';

/** What makes a product differ from the sample it is made of. */
export interface ProductFields {
  readonly name: string;
  readonly type: SampleType;
  readonly unit: string | null;
  readonly volume: number;
}

/**
 * The sample that a transformer makes of another one: same resource, project, user, time and metadata, an id of its own
 * that depends on the other's, and the default source, as in the original. What the measurement's own clock said stays.
 */
function createProduct(sample: Sample, fields: ProductFields, tools: TransformerTools): Sample {
  return {
    id: tools.productId(sample.timestampMicros, identityOf(sample)),
    name: fields.name,
    type: fields.type,
    unit: fields.unit,
    volume: fields.volume,
    userId: sample.userId,
    userName: sample.userName,
    projectId: sample.projectId,
    projectName: sample.projectName,
    resourceId: sample.resourceId,
    timestamp: sample.timestamp,
    timestampMicros: sample.timestampMicros,
    resourceMetadata: sample.resourceMetadata,
    source: tools.sampleSource,
    deployment: sample.deployment,
    monotonicTime: sample.monotonicTime,
  };
}

/** Emits what `createProduct` makes, unless its volume is infinite or no number. */
export function emitProduct(
  sample: Sample,
  fields: ProductFields,
  tools: TransformerTools,
  emit: Emit,
): void {
  if (Number.isFinite(fields.volume)) emit(createProduct(sample, fields, tools));
  else tools.drop('not_finite');
}

/** What tells a sample from all others: not the id alone, as some senders give one id to all samples of a message. */
export function identityOf({ id, name, resourceId }: Sample): string {
  return `${id}\0${name}\0${resourceId}`;
}
