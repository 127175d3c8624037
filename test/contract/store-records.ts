import { sampleId } from '../../src/lib/sample-id.ts';
import { formatUtc } from '../../src/lib/timestamp.ts';
import type { Event } from '../../src/model/event.ts';
import type { Sample } from '../../src/model/sample.ts';
import type { ParkedItem } from '../../src/store/store.ts';

/** 2026-03-01T00:00:00 in microseconds since the epoch. */
export const START = Date.UTC(2026, 2, 1) * 1_000;
export const SECOND = 1_000_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** A sample of `cpu_util` of `r1` at `START`, with what `given` says otherwise; its id is made of it all. */
export function sampleOf(given: Partial<Sample> = {}): Sample {
  const base = {
    name: 'cpu_util',
    type: 'gauge',
    unit: '%',
    volume: 1,
    userId: 'u1',
    userName: null,
    projectId: 'p1',
    projectName: null,
    resourceId: 'r1',
    timestampMicros: START,
    resourceMetadata: {},
    source: 'openstack',
    deployment: null,
    monotonicTime: null,
    ...given,
  } as const;
  return {
    id: sampleId(base.timestampMicros, base.name, base.resourceId),
    timestamp: `${formatUtc(base.timestampMicros)}+00:00`,
    ...base,
  };
}

/** An event `compute.instance.update` at `START`, with what `given` says otherwise. */
export function eventOf(given: Partial<Event> = {}): Event {
  const generatedMicros = given.generatedMicros ?? START;
  return {
    messageId: 'm1',
    eventType: 'compute.instance.update',
    generated: given.generated ?? formatUtc(generatedMicros),
    generatedMicros,
    priority: 'info',
    deployment: null,
    traits: [],
    raw: null,
    ...given,
  };
}

export function parkedOf(given: Partial<ParkedItem> = {}): ParkedItem {
  return {
    code: 'E5002',
    reason: 'Not JSON',
    origin: {
      source: 'amqp',
      exchange: 'nova',
      routingKey: 'notifications.info',
      redelivered: true,
      tries: 3,
    },
    body: new Uint8Array([123, 0, 255, 10]),
    parkedMicros: START,
    messageId: null,
    eventType: null,
    ...given,
  };
}
