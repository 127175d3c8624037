import { NephoscopeError } from '../../component/errors.ts';
import type { Sample } from '../../model/sample.ts';
import { type HostView, readRequired } from '../host-view.ts';
import { hardwareSample } from '../polled-sample.ts';
import { tryParseCounts } from '../proc-text.ts';
import type { PollContext, PolledMeter, Pollster } from './pollster.ts';

/** Time all CPUs together have spent since the machine started, in ticks of the kernel (100 per second and CPU). */
interface CpuTicks {
  readonly user: number;
  readonly nice: number;
  readonly system: number;
  readonly idle: number;
  readonly wait: number;
  readonly interrupt: number;
  /** All ticks, those of soft interrupts and stolen ones included. */
  readonly total: number;
}

const UTIL: PolledMeter = {
  name: 'hardware.cpu.util',
  type: 'gauge',
  unit: '%',
  doc: 'Share of the time since the poll before in which the CPUs were neither idle nor waiting for disks.',
};
const IDLE_SHARE: PolledMeter = {
  name: 'hardware.system_stats.cpu.idle',
  type: 'gauge',
  unit: '%',
  doc: 'Share of the time since the poll before in which the CPUs were idle and waited for no disk.',
};

/** Counters, but gauges by name: that is what the SNMP pollsters of the original called them. */
const TICKS: readonly (PolledMeter & { readonly field: keyof CpuTicks })[] = [
  tickMeter('user', 'in programs of normal priority'),
  tickMeter('nice', 'in programs of lowered priority'),
  tickMeter('system', 'in the kernel'),
  tickMeter('idle', 'doing nothing'),
  tickMeter('wait', 'idle while a disk was asked'),
  tickMeter('interrupt', 'serving hardware interrupts'),
];

const STAT_FILE = '/proc/stat';
/** Less than the shortest interval, so that the first run has ended when the second one is due. */
const FIRST_SPAN_MILLIS = 900;

/**
 * CPU time and utilisation of this machine. A share needs two readings, so the first run takes a second one a
 * moment later rather than staying silent for a whole interval.
 */
export function createCpuPollster(view: HostView): Pollster {
  let previous: CpuTicks | null = null;

  async function poll(context: PollContext): Promise<readonly Sample[]> {
    if (previous === null) {
      previous = await readTicks(view);
      await context.wait(FIRST_SPAN_MILLIS);
    }
    const before = previous;
    const now = await readTicks(view);
    previous = now;
    const give = (meter: PolledMeter, volume: number): Sample =>
      hardwareSample(context, meter, { volume, resourceId: context.host, metadata: { host: context.host } });
    const counters = TICKS.map((meter) => give(meter, now[meter.field]));
    const total = now.total - before.total;
    // No tick between two polls, or counters that began anew: no share can be told.
    if (total <= 0) return counters;
    const idle = growth(before.idle, now.idle);
    const share = (ticks: number): number => Math.round(Math.min(1, ticks / total) * 10_000) / 100;
    const busy = Math.max(0, total - idle - growth(before.wait, now.wait));
    return [give(UTIL, share(busy)), give(IDLE_SHARE, share(idle)), ...counters];
  }

  return { name: 'host.cpu', namespace: 'host', meters: [UTIL, IDLE_SHARE, ...TICKS], poll };
}

async function readTicks(view: HostView): Promise<CpuTicks> {
  return parseTicks(await readRequired(view, STAT_FILE));
}

/** Reads the line `cpu  user nice system idle iowait irq softirq steal …`; older kernels end it earlier. */
function parseTicks(text: string): CpuTicks {
  const line = /^cpu[ \t]+(.*)$/m.exec(text)?.[1] ?? '';
  const counts = tryParseCounts(line.trim().split(/\s+/));
  if (counts === null) throw new NephoscopeError('E7004', `${STAT_FILE} has another form than expected`);
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, interrupt = 0, soft = 0, stolen = 0] = counts;
  // The time of guests, in the fields behind these, is part of user and nice already.
  const total = user + nice + system + idle + wait + interrupt + soft + stolen;
  return { user, nice, system, idle, wait, interrupt, total };
}

/** The counters of idle and waiting time may step back a little. */
function growth(before: number, now: number): number {
  return Math.max(0, now - before);
}

function tickMeter(field: keyof CpuTicks, what: string): PolledMeter & { readonly field: keyof CpuTicks } {
  return {
    name: `hardware.cpu.${field}`,
    type: 'gauge',
    unit: 'tick',
    doc: `Time the CPUs have spent ${what} since the machine started; counts up.`,
    field,
  };
}
