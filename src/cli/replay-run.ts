import { setTimeout as sleep } from 'node:timers/promises';
import { NephoscopeError, toError } from '../component/errors.ts';
import { type CliIo, EXIT } from './command.ts';
import { withFreshIds } from './fresh-ids.ts';
import { type ReplayProgress, type ReplayTally, showProgress } from './replay-progress.ts';
import { type BadLine, type RecordedMessage, readRecording } from './replay-reader.ts';
import type { ReplayTarget } from './replay-target.ts';

/** What the command `replay` was asked for. */
export interface ReplayOptions {
  /** Read one after the other; `-` is the standard input. */
  readonly files: readonly string[];
  /** `http://…`, `https://…` or `rabbit://…`. */
  readonly to: string;
  /** Messages a second; not set: as fast as they are taken. */
  readonly rate?: number;
  /** How often all files are read. */
  readonly repeat: number;
  /** Gives each message ids of its own; else repeats are duplicates. */
  readonly newIds: boolean;
  /** The most messages that are sent in all. */
  readonly limit?: number;
  /** Where messages go that do not say it themselves; broker only. */
  readonly exchange: string;
  readonly topic: string;
  /** Gives up when nothing was taken for so long. */
  readonly timeoutSeconds: number;
  /** Shows progress also when stderr is not a terminal. */
  readonly progress: boolean;
}

/**
 * Sends what is in the files to a target that was opened, and shows how it gets on. Memory is bounded by a few batches.
 * Gives the exit code as `replay` does. Rejects with the `NephoscopeError` that ended it. When `interrupt` fires it
 * reads no further, and ends when what is on its way has arrived.
 */
export function runReplay(
  options: ReplayOptions,
  target: ReplayTarget,
  io: Pick<CliIo, 'stdin' | 'stderr'>,
  interrupt: AbortSignal,
): Promise<number> {
  return new Replay(options, target, io, interrupt).run();
}

const BATCH = { messages: 250, characters: 512 * 1024 };
const WATCH_MILLIS = 250;
/** Bad lines that are shown one by one; the others are only counted. */
const SHOWN_BAD_LINES = 20;

class Replay {
  readonly #options: ReplayOptions;
  readonly #target: ReplayTarget;
  readonly #io: Pick<CliIo, 'stdin'>;
  readonly #interrupt: AbortSignal;
  /** Ends sending: nothing was taken for too long, or a send failed for good. */
  readonly #abandon = new AbortController();
  readonly #tally: ReplayTally = { sent: 0, refused: 0, badLines: 0, remaining: null, outcomes: new Map() };
  readonly #progress: ReplayProgress;
  readonly #onTheWay = new Set<Promise<void>>();
  readonly #began = performance.now();
  #batch: RecordedMessage[] = [];
  #batchCharacters = 0;
  #read = 0;
  #lastProgress = performance.now();

  constructor(
    options: ReplayOptions,
    target: ReplayTarget,
    io: Pick<CliIo, 'stdin' | 'stderr'>,
    interrupt: AbortSignal,
  ) {
    this.#options = options;
    this.#target = target;
    this.#io = io;
    this.#interrupt = interrupt;
    this.#tally.remaining = options.limit ?? null;
    this.#progress = showProgress(io.stderr, options.progress, this.#tally, () => target.trouble());
  }

  async run(): Promise<number> {
    const watch = setInterval(() => this.#watch(), WATCH_MILLIS);
    if (this.#interrupt.aborted) this.#stopReading();
    this.#interrupt.addEventListener('abort', () => this.#stopReading(), { once: true });
    const failure = await this.#sendAll().catch((thrown: unknown) => toError(thrown));
    clearInterval(watch);
    this.#progress.finish(`${this.#describeEnd(failure)} ${this.#target.name}`);
    return failure === null ? this.#exitCode() : this.#exitCodeOf(failure);
  }

  /** Null when all went well; a failure to read a file, after everything before it has arrived. */
  async #sendAll(): Promise<Error | null> {
    const unread = await this.#readAll();
    try {
      await this.#flush();
      await Promise.all(this.#onTheWay);
      return unread;
    } catch (thrown) {
      await Promise.allSettled(this.#onTheWay);
      return toError(this.#abandon.signal.reason ?? thrown);
    }
  }

  async #readAll(): Promise<Error | null> {
    const { repeat, files } = this.#options;
    try {
      for (let round = 1; round <= repeat; round++) {
        const before = this.#read;
        for (const file of files) {
          if (!(await this.#sendFile(file))) return null;
        }
        this.#foresee((this.#read - before) * (repeat - round));
      }
      return null;
    } catch (thrown) {
      // Reading was ended by the interrupt: that is no failure.
      return this.#interrupt.aborted && !this.#abandon.signal.aborted ? null : toError(thrown);
    }
  }

  /** False when no more is to be sent. */
  async #sendFile(file: string): Promise<boolean> {
    for await (const item of readRecording(file, this.#io.stdin, this.#options)) {
      if (this.#interrupt.aborted) return false;
      if ('line' in item) {
        this.#noteBadLine(file, item);
        continue;
      }
      await this.#add(this.#options.newIds ? { ...item, body: withFreshIds(item.body) } : item);
      if (this.#read === this.#options.limit) return false;
    }
    return true;
  }

  /** A standard input that nobody writes to would be waited for without end. */
  #stopReading(): void {
    const { stdin } = this.#io;
    if (this.#options.files.includes('-') && 'destroy' in stdin && typeof stdin.destroy === 'function')
      stdin.destroy();
  }

  async #add(message: RecordedMessage): Promise<void> {
    await this.#keepToRate();
    this.#read++;
    this.#batch.push(message);
    this.#batchCharacters += message.body.length;
    if (this.#batch.length >= BATCH.messages || this.#batchCharacters >= BATCH.characters)
      await this.#flush();
  }

  async #keepToRate(): Promise<void> {
    const { rate } = this.#options;
    if (rate === undefined) return;
    const waitMillis = this.#began + (this.#read / rate) * 1000 - performance.now();
    if (waitMillis <= 0) return;
    await this.#flush();
    await sleep(waitMillis, undefined, { signal: this.#interrupt }).catch(() => {});
  }

  async #flush(): Promise<void> {
    this.#abandon.signal.throwIfAborted();
    if (this.#batch.length === 0) return;
    while (this.#onTheWay.size >= this.#target.concurrency) await Promise.race(this.#onTheWay);
    const batch = this.#batch;
    this.#batch = [];
    this.#batchCharacters = 0;
    const sending = this.#send(batch).finally(() => this.#onTheWay.delete(sending));
    this.#onTheWay.add(sending);
    // A failure is met by whoever waits for it next; until then it is not an unhandled one.
    sending.catch(() => {});
  }

  async #send(batch: readonly RecordedMessage[]): Promise<void> {
    const { sent, refused, outcomes } = await this.#target
      .send(batch, this.#abandon.signal)
      .catch((thrown) => {
        this.#abandon.abort(thrown);
        throw thrown;
      });
    this.#lastProgress = performance.now();
    this.#tally.sent += sent;
    for (const reason of refused) if (this.#tally.refused++ === 0) this.#progress.note(`refused: ${reason}`);
    for (const [word, count] of Object.entries(outcomes)) {
      this.#tally.outcomes.set(word, (this.#tally.outcomes.get(word) ?? 0) + count);
    }
    const { remaining } = this.#tally;
    if (remaining !== null) this.#tally.remaining = Math.max(0, remaining - batch.length);
  }

  /** How much is to come, once it is known how much one reading of the files gives. */
  #foresee(unread: number): void {
    const total = this.#read + unread;
    const wanted = Math.min(total, this.#options.limit ?? total);
    this.#tally.remaining = wanted - this.#tally.sent - this.#tally.refused;
  }

  #noteBadLine(file: string, { line, reason }: BadLine): void {
    this.#tally.badLines++;
    if (this.#tally.badLines <= SHOWN_BAD_LINES) this.#progress.note(`${file}:${line}: ${reason}; left out`);
    else if (this.#tally.badLines === SHOWN_BAD_LINES + 1)
      this.#progress.note('Further bad lines are only counted.');
  }

  #watch(): void {
    const isIdle = this.#batch.length > 0 && this.#onTheWay.size === 0;
    // Whoever writes to the standard input may take a long time to fill a batch.
    if (isIdle && !this.#abandon.signal.aborted) void this.#flush();
    this.#giveUpWhenStuck();
  }

  #giveUpWhenStuck(): void {
    const isWaiting = this.#onTheWay.size > 0;
    if (!isWaiting) this.#lastProgress = performance.now();
    if (performance.now() - this.#lastProgress < this.#options.timeoutSeconds * 1000) return;
    this.#abandon.abort(
      this.#target.trouble() ??
        new NephoscopeError('E2010', 'Nothing is taken any more', { retry: 'transient' }),
    );
  }

  #exitCode(): number {
    if (this.#interrupt.aborted) return EXIT.interrupted;
    if (this.#tally.refused > 0) return EXIT.failed;
    return this.#tally.badLines > 0 ? EXIT.badData : EXIT.done;
  }

  #exitCodeOf(failure: Error): number {
    if (failure instanceof NephoscopeError) throw failure;
    const { code } = failure as NodeJS.ErrnoException;
    if (code === undefined) throw failure;
    this.#progress.note(`E5017 ${failure.message}`);
    return code === 'ENOENT' ? EXIT.notFound : EXIT.failed;
  }

  #describeEnd(failure: Error | null): string {
    if (failure !== null) return 'Ended early; to';
    return this.#interrupt.aborted ? 'Interrupted; to' : 'To';
  }
}
