import type { RecordedMessage } from './replay-reader.ts';

/** What became of a batch. */
export interface SendResult {
  /** Messages the other side has taken. */
  readonly sent: number;
  /** Why it did not take the others, one text each. */
  readonly refused: readonly string[];
  /** What the other side said about those it took, by word, e.g. `duplicate`. */
  readonly outcomes: Readonly<Record<string, number>>;
}

/** Where a replay sends to. */
export interface ReplayTarget {
  /** For people; without secrets. */
  readonly name: string;
  /** How many batches may be on the way at a time. */
  readonly concurrency: number;
  /** Rejects with a transient `NephoscopeError` when it cannot be reached. */
  open(signal: AbortSignal): Promise<void>;
  /** Resolves when all of the batch is taken or refused; waits and repeats by itself while the other side is away. */
  send(batch: readonly RecordedMessage[], signal: AbortSignal): Promise<SendResult>;
  /** Why it does not get on at the moment, or null. */
  trouble(): Error | null;
  close(): Promise<void>;
}
