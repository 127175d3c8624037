import { setTimeout as sleep } from 'node:timers/promises';
import type { ChannelModel } from 'amqplib';
import type { Component, ComponentStatus, Deadline } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import { StartStop } from '../component/start-stop.ts';
import { type Backoff, createBackoff } from '../lib/backoff.ts';
import { whenAborted } from '../lib/when-aborted.ts';
import type { Logger } from '../observe/logger.ts';
import { connectError, connectionLost } from './broker-error.ts';
import { dial, type Line } from './dial.ts';
import type { RabbitSettings } from './rabbit-settings.ts';
import { type BrokerHost, formatHost, type TransportUrl } from './transport-url.ts';

/**
 * A connection to a broker that is made again for as long as it is wanted.
 *
 *        start                 connected              set up
 *   stopped ──► connecting ◄──────────────► setting up ──────► open
 *                  ▲  │ each host in turn,       │ failed        │ lost, or `fail` called
 *                  │  │ all failed               ▼               ▼
 *                  └──┴───────── waiting (at once after an open one was lost, else with back-off)
 *
 * Everything that lives on the connection (channels, declarations, consumers) belongs to one session and is built
 * anew by `setUp` in the next one: after a reconnect nothing of the old one can be trusted.
 */
export interface AmqpConnection extends Component {
  /** The session that is set up now, or null while there is none. */
  session(): AmqpSession | null;
  /** How often a connection was opened after the first one. */
  reconnects(): number;
  /** Why there is no connection; null while there is one, and before the first attempt. */
  trouble(): NephoscopeError | null;
}

/** One life of the connection. */
export interface AmqpSession {
  readonly model: ChannelModel;
  /** `host:port` of the broker. */
  readonly peer: string;
  /** Fires when the connection is gone; its reason is the `NephoscopeError` that says why. */
  readonly lost: AbortSignal;
  /** Gives this session up: it cannot do its work any more, a new one is to be made. Safe to repeat. */
  fail(error: NephoscopeError): void;
}

export interface AmqpConnectionParts {
  readonly name: string;
  readonly url: TransportUrl;
  readonly settings: RabbitSettings;
  readonly log: Logger;
  /** Builds what the owner needs on a fresh connection. When it rejects, the session is given up and tried again. */
  readonly setUp: (session: AmqpSession) => Promise<void>;
  /** Called with each failed attempt and each loss of the connection, for counting. Must not throw. */
  readonly onTrouble?: (error: NephoscopeError) => void;
}

/** Makes a connection; nothing is touched before `start`. Never fails for good: what is wrong stands in its status. */
export function createAmqpConnection(parts: AmqpConnectionParts): AmqpConnection {
  return new SupervisedConnection(parts);
}

/** A session that lived this long was a good one: its loss begins a new row of attempts. */
const GOOD_SESSION_MILLIS = 1000;
/** Spreads the reconnects of many programs after a restart of the broker. */
const FIRST_RECONNECT_SPREAD_MILLIS = 100;
/** A dead broker must not hold up the start of the rest of the program. */
const START_WAIT_MILLIS = 3000;

class SupervisedConnection implements AmqpConnection {
  readonly name: string;
  readonly #parts: AmqpConnectionParts;
  readonly #backoff: Backoff;
  #hosts: readonly BrokerHost[];
  #running: Running | null = null;
  readonly #turns = new StartStop();
  #session: Session | null = null;
  #isSetUp = false;
  #opened = 0;
  #blockedReason: string | null = null;
  #trouble: Trouble | null = null;

  constructor(parts: AmqpConnectionParts) {
    this.name = parts.name;
    this.#parts = parts;
    this.#hosts = shuffled(parts.url.hosts);
    this.#backoff = createBackoff({
      initialMillis: parts.settings.retryInitialMillis,
      maxMillis: Math.max(parts.settings.retryMaxMillis, parts.settings.retryInitialMillis),
      factor: parts.settings.retryFactor,
    });
  }

  session(): AmqpSession | null {
    return this.#isSetUp ? this.#session : null;
  }

  reconnects(): number {
    return Math.max(0, this.#opened - 1);
  }

  trouble(): NephoscopeError | null {
    return this.#isSetUp ? null : (this.#trouble?.error ?? null);
  }

  async start(signal: AbortSignal): Promise<void> {
    const turn = this.#turns.beforeStart();
    if (turn !== null && !(await turn)) return;
    this.#running ??= this.#begin();
    const wait = AbortSignal.any([signal, AbortSignal.timeout(START_WAIT_MILLIS)]);
    await Promise.race([this.#running.firstAttempt, whenAborted(wait)]);
  }

  stop(deadline: Deadline): Promise<void> {
    return this.#turns.stop(() => this.#end(deadline));
  }

  status(): ComponentStatus {
    if (this.#running === null) return { state: 'stopped', reason: 'not started' };
    if (this.#isSetUp && this.#blockedReason !== null) {
      return { state: 'degraded', reason: `E2012 the broker holds up publishers: ${this.#blockedReason}` };
    }
    if (this.#isSetUp) return { state: 'ok' };
    if (this.#trouble === null) return { state: 'starting', reason: `connecting to ${this.#where()}` };
    return { state: 'degraded', reason: `${this.#trouble.error.code} ${this.#trouble.error.message}` };
  }

  #begin(): Running {
    const stopping = new AbortController();
    const first = Promise.withResolvers<void>();
    const loop = this.#loop(stopping.signal, first.resolve).finally(first.resolve);
    return { stopping, loop, firstAttempt: first.promise };
  }

  async #end(deadline: Deadline): Promise<void> {
    const running = this.#running;
    if (running === null) return;
    running.stopping.abort();
    await this.#session?.close(deadline);
    await running.loop;
    this.#running = null;
    this.#trouble = null;
  }

  async #loop(stopping: AbortSignal, attempted: () => void): Promise<void> {
    while (!stopping.aborted) {
      const outcome = await this.#live(stopping, attempted);
      attempted();
      if (stopping.aborted) return;
      if (outcome.wasGood) this.#backoff.reset();
      const waitMillis = outcome.wasGood
        ? Math.random() * FIRST_RECONNECT_SPREAD_MILLIS
        : this.#backoff.nextMillis();
      this.#report(outcome.error, waitMillis);
      await sleep(waitMillis, undefined, { signal: stopping }).catch(() => {});
    }
  }

  /** From the first attempt to the end of the session. */
  async #live(stopping: AbortSignal, attempted: () => void): Promise<Outcome> {
    let line: Line;
    try {
      line = await this.#dialAny(stopping);
    } catch (thrown) {
      return { error: connectError(thrown, this.#attempt()), wasGood: false };
    }
    const session = new Session(line);
    this.#watchBlocked(session);
    this.#session = session;
    const isSetUp = await this.#setUp(session, stopping);
    const since = performance.now();
    attempted();
    const error = await session.ended;
    this.#session = null;
    this.#isSetUp = false;
    this.#blockedReason = null;
    // The next one in the list first: this host may be the one that just died and would not even refuse.
    this.#hosts = rotated(this.#hosts);
    return { error, wasGood: isSetUp && performance.now() - since >= GOOD_SESSION_MILLIS };
  }

  async #setUp(session: Session, stopping: AbortSignal): Promise<boolean> {
    try {
      stopping.throwIfAborted();
      await Promise.race([this.#parts.setUp(session), rejectWhenAborted(session.lost)]);
      session.lost.throwIfAborted();
    } catch (thrown) {
      session.fail(connectionLost(session.peer, thrown));
      return false;
    }
    this.#isSetUp = true;
    this.#opened++;
    this.#reportOpen(session);
    return true;
  }

  /** Tries the hosts in turn. Rejects with the most telling error: a refused login says more than a dead neighbour. */
  async #dialAny(stopping: AbortSignal): Promise<Line> {
    const { url, settings, name } = this.#parts;
    const connectionName = `nephoscope:${process.pid}:${name}`;
    const errors: NephoscopeError[] = [];
    for (const host of this.#hosts) {
      try {
        return await dial({ host, vhost: url.vhost, settings, connectionName }, stopping);
      } catch (thrown) {
        errors.push(connectError(thrown, { ...this.#attempt(), peer: formatHost(host) }));
        if (stopping.aborted) break;
      }
    }
    throw mostTelling(errors);
  }

  #watchBlocked(session: Session): void {
    const { log } = this.#parts;
    session.model.on('blocked', (reason) => {
      this.#blockedReason = reason;
      log.warn({ code: 'E2012', peer: session.peer, reason }, 'Broker holds up publishers');
    });
    session.model.on('unblocked', () => {
      this.#blockedReason = null;
      log.info({ peer: session.peer }, 'Broker takes messages again');
    });
  }

  /** The first failure of a kind is loud, its repeats are quiet. */
  #report(error: NephoscopeError, waitMillis: number): void {
    this.#parts.onTrouble?.(error);
    const repeats = this.#trouble?.error.code === error.code && this.#trouble.error.message === error.message;
    this.#trouble = { error, failures: (this.#trouble?.failures ?? 0) + 1 };
    const fields = {
      code: error.code,
      reason: error.message,
      hint: error.hint,
      failures: this.#trouble.failures,
      retryInMillis: Math.round(waitMillis),
    };
    if (repeats) this.#parts.log.debug(fields, 'No connection to the broker yet');
    else this.#parts.log.warn(fields, 'No connection to the broker');
  }

  #reportOpen(session: Session): void {
    const fields = {
      peer: session.peer,
      vhost: this.#parts.url.vhost,
      failures: this.#trouble?.failures ?? 0,
    };
    this.#parts.log.info(
      fields,
      this.#opened === 1 ? 'Connected to the broker' : 'Connected to the broker again',
    );
    this.#trouble = null;
  }

  #attempt(): { readonly peer: string; readonly vhost: string; readonly username: string } {
    return {
      peer: this.#where(),
      vhost: this.#parts.url.vhost,
      username: this.#hosts[0]?.username ?? 'guest',
    };
  }

  #where(): string {
    return this.#hosts.map(formatHost).join(', ');
  }
}

interface Running {
  readonly stopping: AbortController;
  readonly loop: Promise<void>;
  /** Resolves when the first attempt came to an end, good or bad. */
  readonly firstAttempt: Promise<void>;
}

interface Outcome {
  readonly error: NephoscopeError;
  readonly wasGood: boolean;
}

interface Trouble {
  readonly error: NephoscopeError;
  readonly failures: number;
}

class Session implements AmqpSession {
  readonly model: ChannelModel;
  readonly peer: string;
  readonly lost: AbortSignal;
  /** Resolves with the reason when the connection is gone. */
  readonly ended: Promise<NephoscopeError>;
  readonly #line: Line;
  readonly #controller = new AbortController();
  readonly #end: (error: NephoscopeError) => void;

  constructor(line: Line) {
    this.#line = line;
    this.model = line.model;
    this.peer = line.peer;
    this.lost = this.#controller.signal;
    const { promise, resolve } = Promise.withResolvers<NephoscopeError>();
    this.ended = promise;
    this.#end = resolve;
    // Both may come, or only the second; the first says more.
    this.model.on('error', (error) => this.fail(connectionLost(this.peer, error)));
    this.model.on('close', (error) => this.fail(connectionLost(this.peer, error)));
  }

  fail(error: NephoscopeError): void {
    if (this.lost.aborted) return;
    this.#controller.abort(error);
    this.#line.kill();
    this.#end(error);
  }

  /** Says good-bye, so that the broker has read every acknowledgement; cut short by the deadline. */
  async close(deadline: Deadline): Promise<void> {
    const goodbye = this.lost.aborted ? Promise.resolve() : this.model.close().catch(() => {});
    await Promise.race([goodbye, this.ended, whenAborted(deadline.signal)]);
    this.fail(connectionLost(this.peer, undefined));
  }
}

const TELLING = ['E2003', 'E2004', 'E2005', 'E2015'];

function mostTelling(errors: readonly NephoscopeError[]): NephoscopeError {
  const [first] = errors;
  const telling = errors.find((error) => TELLING.includes(error.code)) ?? first;
  if (telling === undefined)
    throw new NephoscopeError('E2002', 'No broker host was tried', { retry: 'transient' });
  if (errors.length === 1) return telling;
  const others = errors.filter((error) => error !== telling).map((error) => error.message);
  return new NephoscopeError(telling.code, [telling.message, ...others].join('; '), {
    hint: telling.hint,
    retry: 'transient',
    cause: telling,
  });
}

function shuffled<Item>(items: readonly Item[]): readonly Item[] {
  return items
    .map((item) => ({ item, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

function rotated<Item>(items: readonly Item[]): readonly Item[] {
  return [...items.slice(1), ...items.slice(0, 1)];
}

async function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  await whenAborted(signal);
  throw signal.reason;
}
