import { Readable } from 'node:stream';
import { Type } from '@sinclair/typebox';
import {
  TAP_STAGES,
  type TapBatch,
  type TapListener,
  type TapRecords,
  type TapStage,
  type Taps,
} from '../observe/taps.ts';
import { badValue, notFound } from './errors.ts';
import { integerParameter, repeatedParameter } from './parameters.ts';
import { type ApiContext, type ApiRoute, defineRoute } from './route.ts';
import { compileTapConditions } from './tap-conditions.ts';
import { tapLine } from './tap-records.ts';

/** What the path works with besides the rest of the API. */
interface TapContext extends ApiContext {
  readonly taps: Taps;
}

const LIMIT = { usual: 20, most: 100_000 };
const SECONDS = { usual: 60, most: 3_600 };
/** So that proxies and clients can tell a quiet stage from a dead connection. */
const ALIVE_MILLIS = 15_000;
/** The part that is there when other processes convert notifications. */
const WORKERS = 'workers';
const UNSEEN =
  'Worker processes convert the notifications of brokers; these are not seen here. Without --workers they are.';
/** What may wait in this process for a slow reader, in bytes; beyond, items are missed. */
const BUFFER_BYTES = 65_536;

const showStage = defineRoute({
  method: 'GET',
  path: '/v1/tap/:stage',
  tag: 'operation',
  summary:
    'Shows what passes a stage (received, event, sample, published, parked, dropped) as it happens, one JSON object a line; credentials are overwritten.',
  parameters: {
    // Not called `limit`: nothing of this is held, so it takes nothing from what all answers may hold together.
    count: integerParameter(
      'limit',
      `End after so many records; ${LIMIT.usual}.`,
      Type.Integer({ minimum: 1, maximum: LIMIT.most }),
    ),
    seconds: integerParameter(
      'seconds',
      `End after so many seconds; ${SECONDS.usual}.`,
      Type.Integer({ minimum: 1, maximum: SECONDS.most }),
    ),
    match: repeatedParameter(
      'match',
      'Only records whose field fits a glob: NAME=GLOB. All names must fit, of several globs for one name any.',
      Type.String(),
    ),
  },
  handle: ({ taps, statuses }: TapContext, { path, query, signal }) => {
    const stage = stageOf(path['stage'] ?? '');
    const limit = within('limit', query.count, LIMIT);
    const seconds = within('seconds', query.seconds, SECONDS);
    const wants = compileTapConditions(stage, query.match);
    const listener = taps.listen(stage, { wants, limit });
    const hasWorkers = statuses().some(({ name }) => name === WORKERS);
    const lines = tapLines({ stage, listener, limit, seconds, signal, hasWorkers });
    const body = Readable.from(lines, { objectMode: false, highWaterMark: BUFFER_BYTES });
    return { type: 'application/x-ndjson', body };
  },
});

/** Live views. */
export const TAP_ROUTES: readonly ApiRoute[] = [showStage];

function stageOf(text: string): TapStage {
  const stage = TAP_STAGES.find((one) => one === text);
  if (stage === undefined) throw notFound(`Stage (one of ${TAP_STAGES.join(', ')})`, text);
  return stage;
}

function within(name: string, value: number | null, { usual, most }: typeof LIMIT): number {
  if (value === null) return usual;
  if (value < 1 || value > most) throw badValue(`${name} is a whole number from 1 to ${most}`);
  return value;
}

interface View<Stage extends TapStage> {
  readonly stage: Stage;
  readonly listener: TapListener<TapRecords[Stage]>;
  readonly limit: number;
  readonly seconds: number;
  /** Fires when the client is gone. */
  readonly signal: AbortSignal;
  /** Notifications pass in other processes, where nobody looks. */
  readonly hasWorkers: boolean;
}

/**
 * The lines of the answer. The listener is closed when the time is over or the client is gone, also before the first
 * line is asked for and while nothing is read.
 */
function tapLines<Stage extends TapStage>(view: View<Stage>): AsyncIterable<string> {
  const { listener, seconds, signal } = view;
  const end = new AbortController();
  const finish = (): void => {
    clearTimeout(timer);
    signal.removeEventListener('abort', finish);
    end.abort();
    listener.close();
  };
  const timer = setTimeout(finish, seconds * 1_000);
  timer.unref();
  signal.addEventListener('abort', finish, { once: true });
  if (signal.aborted) finish();
  return linesUntil(view, end.signal, finish);
}

/** `open`, then `record`, `missed` and `alive` as they come, then `end` with its reason. */
async function* linesUntil<Stage extends TapStage>(
  { stage, listener, limit, seconds, hasWorkers }: View<Stage>,
  end: AbortSignal,
  finish: () => void,
): AsyncGenerator<string> {
  let shown = 0;
  let missed = 0;
  try {
    yield line({ type: 'open', stage, limit, seconds, ...(hasWorkers ? { unseen: UNSEEN } : {}) });
    for (let isLast = false; !isLast; ) {
      const batch = await nextBatch(listener, end);
      for (const item of batch.items) yield tapLine(stage, item);
      if (batch.missed > 0) yield line({ type: 'missed', count: batch.missed });
      if (batch.items.length + batch.missed === 0 && !batch.isLast) yield line({ type: 'alive' });
      shown += batch.items.length;
      missed += batch.missed;
      isLast = batch.isLast;
    }
    const reason = shown >= limit ? 'limit' : end.aborted ? 'time' : 'server stops';
    yield line({ type: 'end', reason, shown, missed });
  } finally {
    finish();
  }
}

async function nextBatch<Item>(listener: TapListener<Item>, end: AbortSignal): Promise<TapBatch<Item>> {
  const wait = new AbortController();
  const stop = (): void => wait.abort();
  const timer = setTimeout(stop, ALIVE_MILLIS);
  end.addEventListener('abort', stop, { once: true });
  try {
    return await listener.next(wait.signal);
  } finally {
    clearTimeout(timer);
    end.removeEventListener('abort', stop);
  }
}

function line(value: Readonly<Record<string, string | number>>): string {
  return `${JSON.stringify(value)}\n`;
}
