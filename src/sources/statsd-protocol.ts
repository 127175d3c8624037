import type { Sample } from '../model/sample.ts';
import type { AggregatorSettings } from './statsd-aggregator.ts';
import type { StatsdCounts } from './statsd-counts.ts';

/** What the receiving thread is to do. Data only, as it is copied to the thread. */
export interface ReceiverSettings extends Omit<AggregatorSettings, 'random'> {
  readonly address: string;
  readonly port: number;
  readonly allowedSources: readonly string[];
  readonly receiveBufferBytes: number;
  readonly flushMillis: number;
}

/** What the thread is started with. */
export interface ReceiverData {
  readonly settings: ReceiverSettings;
  readonly counts: StatsdCounts;
}

/** What the thread says. After `samples` it waits for `taken`; `stopped` is its last word. */
export type ReceiverReport =
  | { readonly kind: 'listening'; readonly port: number; readonly receiveBufferBytes: number }
  | { readonly kind: 'not-listening'; readonly reason: string }
  | { readonly kind: 'samples'; readonly samples: readonly Sample[] }
  | { readonly kind: 'stopped' };

/** What the thread is told. */
export type ReceiverOrder = 'taken' | 'stop';
