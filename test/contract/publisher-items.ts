import type { Event } from '../../src/model/event.ts';
import type { Sample } from '../../src/model/sample.ts';

/** 2026-01-02 03:04:05 UTC. */
const START_MICROS = Date.UTC(2026, 0, 2, 3, 4, 5) * 1_000;

/** Sample number `index`: all of them differ in id, resource and time; ids sort by number. */
export function sampleNumber(index: number, changes: Partial<Sample> = {}): Sample {
  const timestampMicros = START_MICROS + index * 1_000_000;
  return {
    id: `10000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    name: 'cpu.utilization',
    type: 'gauge',
    unit: '%',
    volume: index + 0.5,
    userId: 'user-1',
    userName: null,
    projectId: 'project-é',
    projectName: null,
    resourceId: `resource-${index}`,
    timestamp: `${isoText(timestampMicros)}+00:00`,
    timestampMicros,
    resourceMetadata: { display_name: 'it\'s "quoted"', flavor: { vcpus: 2 }, tags: ['a', 'é'] },
    source: 'openstack',
    deployment: null,
    monotonicTime: null,
    ...changes,
  };
}

/** Event number `index`; as `sampleNumber`. */
export function eventNumber(index: number, changes: Partial<Event> = {}): Event {
  const generatedMicros = START_MICROS + index * 1_000_000;
  return {
    messageId: `20000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    eventType: 'compute.instance.update',
    generated: isoText(generatedMicros),
    generatedMicros,
    priority: 'info',
    deployment: null,
    traits: [
      ['instance_id', 1, `instance-${index}`],
      ['vcpus', 2, 4],
      ['load', 3, 0.25],
      ['launched_at', 4, '2026-01-02T03:00:00'],
    ],
    raw: null,
    ...changes,
  };
}

function isoText(micros: number): string {
  return new Date(micros / 1_000).toISOString().slice(0, 19);
}
