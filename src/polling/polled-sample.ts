import { sampleId } from '../lib/sample-id.ts';
import type { JsonObject } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';
import type { PollContext, PolledMeter } from './pollsters/pollster.ts';

/** What is particular about one measured value. */
export interface Measurement {
  /** In the unit of the meter; finite. */
  readonly volume: number;
  readonly resourceId: string;
  readonly metadata: JsonObject;
}

/**
 * Samples of the machine itself: source `hardware` and no user or project, as the SNMP pollsters of the original
 * gave them. Pure; the same measurement in the same run always gets the same id.
 */
export function hardwareSample(context: PollContext, meter: PolledMeter, measurement: Measurement): Sample {
  return {
    id: sampleId(context.timestampMicros, 'polling', meter.name, measurement.resourceId),
    name: meter.name,
    type: meter.type,
    unit: meter.unit,
    volume: measurement.volume,
    userId: null,
    userName: null,
    projectId: null,
    projectName: null,
    resourceId: measurement.resourceId,
    timestamp: context.timestamp,
    timestampMicros: context.timestampMicros,
    resourceMetadata: measurement.metadata,
    source: 'hardware',
    deployment: null,
    monotonicTime: context.monotonicSeconds,
  };
}
