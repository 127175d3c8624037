import type { JsonObject } from '../../model/json.ts';
import type { Sample } from '../../model/sample.ts';
import { type HostView, readRequired } from '../host-view.ts';
import { hardwareSample } from '../polled-sample.ts';
import { tryParseCounts } from '../proc-text.ts';
import type { PollContext, PolledMeter, Pollster } from './pollster.ts';

/** What an interface has moved since it came up, by column of /proc/net/dev. */
interface InterfaceCounters {
  readonly name: string;
  readonly counts: readonly number[];
}

interface CounterMeter extends PolledMeter {
  readonly column: number;
}

const METERS: readonly CounterMeter[] = [
  counterMeter('incoming.bytes', 'B', 'Bytes received', 0),
  counterMeter('incoming.packets', 'packet', 'Packets received', 1),
  counterMeter('incoming.errors', 'packet', 'Packets received with an error', 2),
  counterMeter('incoming.drop', 'packet', 'Packets received and thrown away', 3),
  counterMeter('outgoing.bytes', 'B', 'Bytes sent', 8),
  counterMeter('outgoing.packets', 'packet', 'Packets sent', 9),
  counterMeter('outgoing.errors', 'packet', 'Packets that could not be sent for an error', 10),
  counterMeter('outgoing.drop', 'packet', 'Packets thrown away instead of being sent', 11),
];
const COLUMNS = 16;

/**
 * The loop to itself, and this machine's ends of the cables into its guests and containers: those are the guests'
 * traffic, there may be hundreds, and the meters network.* tell about them.
 */
const NO_HARDWARE = /^(?:lo$|tap|vnet|veth|qbr|qvb|qvo|ifb\d)/;

/** What the network interfaces of this machine send and receive. */
export function createNetworkPollster(view: HostView): Pollster {
  async function poll(context: PollContext): Promise<readonly Sample[]> {
    const interfaces = parseInterfaces(await readRequired(view, '/proc/net/dev'));
    const addresses = view.addresses();
    const samples = await Promise.all(
      interfaces
        .filter(({ name }) => !NO_HARDWARE.test(name))
        .map(async ({ name, counts }) => {
          const metadata = await describeInterface(view, context.host, name, addresses.get(name));
          const resourceId = `${context.host}.${name}`;
          return METERS.map((meter) =>
            hardwareSample(context, meter, { volume: counts[meter.column] ?? 0, resourceId, metadata }),
          );
        }),
    );
    return samples.flat();
  }
  return { name: 'host.network', namespace: 'host', meters: METERS, poll };
}

/** Name, MAC and IPv4 address and speed in bytes per second, as far as they are known. */
async function describeInterface(
  view: HostView,
  host: string,
  name: string,
  ip: string | undefined,
): Promise<JsonObject> {
  const [mac, speed] = await Promise.all([
    view.read(`/sys/class/net/${name}/address`),
    view.read(`/sys/class/net/${name}/speed`),
  ]);
  const megabits = Number(speed ?? Number.NaN);
  return {
    host,
    name,
    ...(mac === null ? {} : { mac: mac.trim() }),
    ...(ip === undefined ? {} : { ip }),
    // The kernel says -1 for an interface without a cable or without a speed.
    ...(megabits > 0 ? { speed: (megabits * 1_000_000) / 8 } : {}),
  };
}

/** Reads lines of the form `  eth0: 209572914 5428 0 …`, 16 numbers, and leaves out all others. */
function parseInterfaces(text: string): readonly InterfaceCounters[] {
  return text.split('\n').flatMap((line) => {
    // The name may hold a colon itself (`eth0:1`), the numbers cannot.
    const colon = line.lastIndexOf(':');
    const name = line.slice(0, Math.max(0, colon)).trim();
    const counts = tryParseCounts(
      line
        .slice(colon + 1)
        .trim()
        .split(/\s+/),
    );
    if (name === '' || counts === null || counts.length < COLUMNS) return [];
    return [{ name, counts }];
  });
}

function counterMeter(name: string, unit: string, what: string, column: number): CounterMeter {
  return {
    name: `hardware.network.${name}`,
    type: 'cumulative',
    unit,
    doc: `${what} since the interface came up.`,
    column,
  };
}
