import { NephoscopeError } from '../../component/errors.ts';
import type { Sample } from '../../model/sample.ts';
import { type HostView, readRequired } from '../host-view.ts';
import { hardwareSample } from '../polled-sample.ts';
import type { PollContext, PolledMeter, Pollster } from './pollster.ts';

const METERS: readonly PolledMeter[] = [1, 5, 15].map((minutes) => ({
  name: `hardware.cpu.load.${minutes}min`,
  type: 'gauge',
  unit: 'process',
  doc: `Average number of processes that ran or waited to run, over ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}.`,
}));

const LOAD_FILE = '/proc/loadavg';

/** The load averages of this machine. */
export function createLoadPollster(view: HostView): Pollster {
  async function poll(context: PollContext): Promise<readonly Sample[]> {
    const averages = parseLoad(await readRequired(view, LOAD_FILE));
    return METERS.map((meter, index) =>
      hardwareSample(context, meter, {
        volume: averages[index] ?? 0,
        resourceId: context.host,
        metadata: { host: context.host },
      }),
    );
  }
  return { name: 'host.load', namespace: 'host', meters: METERS, poll };
}

/** Reads `0.12 0.34 0.56 1/234 5678`. */
function parseLoad(text: string): readonly number[] {
  const match = /^(\d+(?:\.\d+)?) (\d+(?:\.\d+)?) (\d+(?:\.\d+)?)(?:\s|$)/.exec(text);
  if (match === null) throw new NephoscopeError('E7004', `${LOAD_FILE} has another form than expected`);
  return match.slice(1).map(Number);
}
