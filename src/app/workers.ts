import { fork } from 'node:child_process';
import type { Component, ComponentStatus, Deadline } from '../component/component.ts';
import { whenAborted } from '../lib/when-aborted.ts';
import type { Event } from '../model/event.ts';
import type { Sample } from '../model/sample.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { PipelineRunner } from '../pipeline/runner.ts';
import type { ParkingStore } from '../store/store.ts';
import type { MergedMetrics } from './workers-metrics.ts';
import {
  type Answer,
  type Call,
  type NamedStatus,
  type ParentMessage,
  packDelivery,
  packError,
  unpackEvents,
  unpackSamples,
  type WorkerMessage,
} from './workers-protocol.ts';
import { type ForkWorker, type WorkerRequest, WorkerSlot } from './workers-slot.ts';

export type { ForkWorker } from './workers-slot.ts';

export interface WorkerPoolParts {
  readonly count: number;
  readonly fork: ForkWorker;
  /** What the workers cannot publish by themselves goes here. */
  readonly samples: Pick<PipelineRunner<Sample>, 'publish'>;
  readonly events: Pick<PipelineRunner<Event>, 'publish'>;
  readonly parking: Pick<ParkingStore, 'park'>;
  readonly metrics: MergedMetrics;
  readonly log: Logger;
  readonly retry?: { readonly initialMillis: number; readonly maxMillis: number };
  readonly silenceMillis?: number;
}

/**
 * The worker processes of a serving process: they take notifications in, convert and publish them; this one does for
 * them what only one process may do. Without it none of them lives: each ends when its channel is cut.
 */
export interface WorkerPool extends Component {
  /** The parts of all workers, as `worker-1:source:amqp`. */
  statuses(): readonly NamedStatus[];
  /** Process ids of those that live. */
  pids(): readonly number[];
}

/** How long the start of the program waits for workers; those that take longer go on in the background. */
const START_WAIT_MILLIS = 20_000;
/** What is left of a stop after the workers have ended, for the rest of this process. */
const RESERVED_MILLIS = 1_000;

/** Makes the pool; no process is started before `start`. */
export function createWorkerPool(parts: WorkerPoolParts): WorkerPool {
  const { count, metrics, log } = parts;
  const { running, ended } = workerMetrics(metrics);
  const giveUp = { controller: new AbortController() };
  const slots = Array.from({ length: count }, (_, at) => {
    const index = at + 1;
    return new WorkerSlot({
      ...parts,
      index,
      log,
      serve: (request) => serve(request, parts, giveUp.controller.signal),
      onReport: (text) => metrics.setPage(index, text),
      onEnd: (reason) => {
        metrics.end(index);
        ended.child(reason).add();
      },
    });
  });
  let stopped: Promise<void> | null = null;
  let isStarted = false;
  metrics.onCollect(() => running.set(slots.filter((slot) => slot.isRunning()).length));

  return {
    name: 'workers',
    start: async (signal) => {
      if (stopped !== null) await stopped;
      giveUp.controller = new AbortController();
      isStarted = true;
      const wait = AbortSignal.any([signal, AbortSignal.timeout(START_WAIT_MILLIS)]);
      await Promise.race([Promise.all(slots.map((slot) => slot.start())), whenAborted(wait)]);
    },
    stop: (deadline) => {
      stopped ??= stopAll(slots, deadline, giveUp.controller).finally(() => {
        stopped = null;
        isStarted = false;
      });
      return stopped;
    },
    status: () => statusOf(slots, isStarted),
    statuses: () =>
      slots.flatMap((slot) =>
        slot.statuses().map(({ name, status }) => ({ name: `worker-${slot.index}:${name}`, status })),
      ),
    pids: () => slots.flatMap((slot) => slot.pid() ?? []),
  };
}

/** What a pool counts; for the reference page too, which is made without one. */
export function workerMetrics(metrics: Metrics) {
  return {
    running: metrics.gauge('nephoscope_workers_running', 'Worker processes that are at work.').child(),
    ended: metrics.counter(
      'nephoscope_workers_ended_total',
      'Worker processes that ended without being asked, by reason: ended, refused (to start), stuck.',
      ['reason'],
    ),
  };
}

function statusOf(slots: readonly WorkerSlot[], isStarted: boolean): ComponentStatus {
  if (!isStarted) return { state: 'stopped', reason: 'not started' };
  const idle = slots.filter((slot) => !slot.isRunning());
  if (idle.length === 0) return { state: 'ok' };
  const count = `${slots.length - idle.length} of ${slots.length} workers run`;
  const trouble = idle.map((slot) => slot.trouble()).find((error) => error !== null);
  if (trouble === undefined) return { state: 'starting', reason: count };
  return { state: 'degraded', reason: `${count}: ${trouble.code} ${trouble.message}` };
}

/** All at the same time; who has not ended at the deadline is killed, and the broker keeps what it held. */
async function stopAll(
  slots: readonly WorkerSlot[],
  deadline: Deadline,
  giveUp: AbortController,
): Promise<void> {
  const remaining = deadline.remainingMillis();
  const millis = Math.floor(Math.max(remaining / 2, remaining - RESERVED_MILLIS));
  const all = Promise.all(slots.map((slot) => slot.stop(millis)));
  await Promise.race([
    all,
    whenAborted(AbortSignal.any([deadline.signal, AbortSignal.timeout(millis + 250)])),
  ]);
  giveUp.abort();
  for (const slot of slots) slot.kill();
  await all;
}

/** Calls that came together are begun together, so that the store commits them together. */
async function serve(
  { id, calls }: WorkerRequest,
  parts: WorkerPoolParts,
  signal: AbortSignal,
): Promise<ParentMessage> {
  const answers = await Promise.all(
    calls.map((call) =>
      carryOut(call, parts, signal).catch((thrown): Answer => ({ error: packError(thrown) })),
    ),
  );
  return { type: 'answers', id, answers };
}

async function carryOut(call: Call, parts: WorkerPoolParts, signal: AbortSignal): Promise<Answer> {
  switch (call.kind) {
    case 'samples':
      return { delivery: packDelivery(await parts.samples.publish(unpackSamples(call.items), signal)) };
    case 'events':
      return { delivery: packDelivery(await parts.events.publish(unpackEvents(call.items), signal)) };
    case 'park':
      await parts.parking.park(call.items);
      return { parked: true };
  }
}

/** Every processor has a worker of its own; threads that help one only take it from another (docs/decisions/0008). */
const WORKER_FLAGS = ['--no-parallel-scavenge'];

/**
 * Starts workers as children under the same Node with the same flags, one thread for small collections: `script` with `args` and the number of the worker.
 * Their log goes where that of this process goes.
 */
export function forkWorkers(script: string, args: readonly string[]): ForkWorker {
  return (index) => {
    const child = fork(script, [...args, '--worker-index', String(index)], {
      execPath: process.execPath,
      execArgv: [...process.execArgv, ...WORKER_FLAGS],
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    return {
      pid: child.pid,
      send: (message) => {
        if (child.connected) child.send(message, () => {});
      },
      onMessage: (take) => void child.on('message', (message) => take(message as WorkerMessage)),
      onEnd: (call) => {
        child.once('error', (error) => {
          // Without a process there is no exit.
          if (child.pid === undefined) call(error.message);
        });
        child.once('exit', (code, signal) => call(signal === null ? `exit code ${code}` : signal));
      },
      kill: () => void child.kill('SIGKILL'),
    };
  };
}
