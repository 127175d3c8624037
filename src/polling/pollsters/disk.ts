import type { Sample } from '../../model/sample.ts';
import { type HostView, readRequired } from '../host-view.ts';
import { hardwareSample } from '../polled-sample.ts';
import { tryParseCounts } from '../proc-text.ts';
import type { PollContext, PolledMeter, Pollster } from './pollster.ts';

interface Mount {
  readonly device: string;
  readonly path: string;
}

/** What a disk has done since the machine started. */
interface DiskTransfers {
  readonly device: string;
  readonly readRequests: number;
  readonly readBytes: number;
  readonly writeRequests: number;
  readonly writeBytes: number;
}

const SIZE_TOTAL = sizeMeter('total', 'Size of the file system.');
const SIZE_USED = sizeMeter('used', 'Space of the file system in use.');

/** Counters, but gauges by name: that is what the SNMP pollsters of the original called them. */
const TRANSFERS: readonly (PolledMeter & { readonly field: Exclude<keyof DiskTransfers, 'device'> })[] = [
  { ...transferMeter('read.bytes', 'B', 'Bytes read from the disk'), field: 'readBytes' },
  { ...transferMeter('write.bytes', 'B', 'Bytes written to the disk'), field: 'writeBytes' },
  { ...transferMeter('read.requests', 'requests', 'Reads the disk has finished'), field: 'readRequests' },
  { ...transferMeter('write.requests', 'requests', 'Writes the disk has finished'), field: 'writeRequests' },
];

/** The kernel counts in sectors of this size whatever those of the disk are. */
const SECTOR_BYTES = 512;
/** Devices that are no disks of this machine: loops over files, memory, floppies, drives with removable media. */
const NO_DISK = /^(?:loop|ram|zram|fd|sr)\d/;
/** Images mounted read-only: always full, so their size says nothing. */
const IMAGE_TYPES: ReadonlySet<string> = new Set(['squashfs', 'iso9660', 'udf', 'erofs', 'cramfs']);

/**
 * Space of the file systems on the disks of this machine, and what the disks read and write. File systems over the
 * network are left out: asking one whose server is gone would hang.
 */
export function createDiskPollster(view: HostView): Pollster {
  async function poll(context: PollContext): Promise<readonly Sample[]> {
    const [sizes, transfers] = await Promise.all([pollSizes(view, context), pollTransfers(view, context)]);
    return [...sizes, ...transfers];
  }
  return { name: 'host.disk', namespace: 'host', meters: [SIZE_TOTAL, SIZE_USED, ...TRANSFERS], poll };
}

async function pollSizes(view: HostView, context: PollContext): Promise<readonly Sample[]> {
  const mounts = selectMounts((await view.read('/proc/self/mounts')) ?? '');
  const samples = await Promise.all(
    mounts.map(async ({ device, path }) => {
      const space = await view.space(path);
      if (space === null || space.totalBytes === 0) return [];
      const of = { resourceId: `${context.host}.${device}`, metadata: { host: context.host, device, path } };
      return [
        hardwareSample(context, SIZE_TOTAL, { ...of, volume: Math.floor(space.totalBytes / 1024) }),
        hardwareSample(context, SIZE_USED, { ...of, volume: Math.floor(space.usedBytes / 1024) }),
      ];
    }),
  );
  return samples.flat();
}

async function pollTransfers(view: HostView, context: PollContext): Promise<readonly Sample[]> {
  const text = await readRequired(view, '/proc/diskstats');
  const wholeDisks = new Set(await view.list('/sys/block'));
  const disks = parseTransfers(text).filter(
    // The parts of a disk are in the list as well, and would count everything twice.
    ({ device }) => !NO_DISK.test(device) && (wholeDisks.size === 0 || wholeDisks.has(device)),
  );
  return disks.flatMap((disk) =>
    TRANSFERS.map((meter) =>
      hardwareSample(context, meter, {
        volume: disk[meter.field],
        resourceId: `${context.host}.${disk.device}`,
        metadata: { host: context.host, device: disk.device },
      }),
    ),
  );
}

/** One mount per device, the one with the shortest path: the others show the same file system again. */
function selectMounts(text: string): readonly Mount[] {
  const byDevice = new Map<string, Mount>();
  for (const line of text.split('\n')) {
    const [device = '', path = '', type = ''] = line.split(' ').map(unescapeMount);
    if ((!device.startsWith('/dev/') && type !== 'zfs') || IMAGE_TYPES.has(type) || path === '') continue;
    const known = byDevice.get(device);
    if (known === undefined || path.length < known.path.length) byDevice.set(device, { device, path });
  }
  return [...byDevice.values()];
}

/** Blanks and line ends in names stand as `\040`. */
function unescapeMount(field: string): string {
  return field.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}

/** Reads lines of the form `254 0 vda 37596 7684 2370754 20493 25939 23134 2384248 …` and leaves out all others. */
function parseTransfers(text: string): readonly DiskTransfers[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const device = fields[2];
    const counts = tryParseCounts(fields.slice(3, 10));
    if (device === undefined || counts === null || counts.length < 7) return [];
    const [readRequests = 0, , readSectors = 0, , writeRequests = 0, , writeSectors = 0] = counts;
    const transfers = { readRequests, readBytes: readSectors * SECTOR_BYTES };
    return [{ device, ...transfers, writeRequests, writeBytes: writeSectors * SECTOR_BYTES }];
  });
}

function sizeMeter(name: string, doc: string): PolledMeter {
  return { name: `hardware.disk.size.${name}`, type: 'gauge', unit: 'KB', doc };
}

function transferMeter(name: string, unit: string, what: string): PolledMeter {
  return {
    name: `hardware.disk.${name}`,
    type: 'gauge',
    unit,
    doc: `${what} since the machine started; counts up.`,
  };
}
