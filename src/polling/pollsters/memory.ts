import type { Sample } from '../../model/sample.ts';
import { type HostView, readRequired } from '../host-view.ts';
import { hardwareSample } from '../polled-sample.ts';
import type { PollContext, PolledMeter, Pollster } from './pollster.ts';

interface MemoryMeter extends PolledMeter {
  /** In the unit of the file, 1,024 bytes; undefined when the kernel does not tell. */
  readonly from: (values: ReadonlyMap<string, number>) => number | undefined;
}

const METERS: readonly MemoryMeter[] = [
  memoryMeter('total', 'Memory of the machine.', (values) => values.get('MemTotal')),
  memoryMeter(
    'used',
    'Memory that is not free, buffers and cache included: the way SNMP counts it.',
    (values) => difference(values.get('MemTotal'), values.get('MemFree')),
  ),
  memoryMeter('buffer', 'Memory that holds blocks of disks.', (values) => values.get('Buffers')),
  memoryMeter('cached', 'Memory that holds contents of files.', (values) => values.get('Cached')),
  memoryMeter('swap.total', 'Swap space of the machine.', (values) => values.get('SwapTotal')),
  memoryMeter('swap.avail', 'Swap space that is free.', (values) => values.get('SwapFree')),
];

/** The memory of this machine. */
export function createMemoryPollster(view: HostView): Pollster {
  async function poll(context: PollContext): Promise<readonly Sample[]> {
    const values = parseMemory(await readRequired(view, '/proc/meminfo'));
    return METERS.flatMap((meter) => {
      const volume = meter.from(values);
      if (volume === undefined) return [];
      const metadata = { host: context.host };
      return [hardwareSample(context, meter, { volume, resourceId: context.host, metadata })];
    });
  }
  return { name: 'host.memory', namespace: 'host', meters: METERS, poll };
}

/** Reads lines of the form `MemTotal:       24684092 kB` and leaves out all others. */
function parseMemory(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const [, name, value] of text.matchAll(/^([\w()]+):[ \t]+(\d{1,15}) kB$/gm)) {
    if (name !== undefined) values.set(name, Number(value));
  }
  return values;
}

function difference(total: number | undefined, free: number | undefined): number | undefined {
  return total === undefined || free === undefined ? undefined : Math.max(0, total - free);
}

function memoryMeter(name: string, doc: string, from: MemoryMeter['from']): MemoryMeter {
  return { name: `hardware.memory.${name}`, type: 'gauge', unit: 'KB', doc, from };
}
