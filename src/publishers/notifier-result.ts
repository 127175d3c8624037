import type { ProduceResult } from '../bus/producer.ts';
import type { NephoscopeError } from '../component/errors.ts';
import type { MessageBatch } from './notifier-messages.ts';
import type { PublishResult, Rejection } from './publisher.ts';

/**
 * What became of `items` items by what became of the messages they are in: the worst counts. Pure.
 *
 * Throws the permanent error of a refused message of several items: the runner halves a batch that is refused as a whole
 * until it has found the item to blame.
 */
export function toPublishResult(
  items: number,
  batch: MessageBatch,
  { rejected }: ProduceResult,
): PublishResult {
  const refused = new Map<number, NephoscopeError>();
  const postponed = new Map<number, NephoscopeError>();
  for (const { index, error } of rejected) {
    const contents = batch.contents[index] ?? [];
    const isPassing = error.retry === 'transient';
    if (!isPassing && contents.length > 1) throw error;
    for (const item of contents) (isPassing ? postponed : refused).set(item, error);
  }
  for (const item of refused.keys()) postponed.delete(item);
  const rejections = [
    ...batch.rejected,
    ...[...refused].map(([index, error]): Rejection => ({ index, error })),
  ];
  const accepted = items - rejections.length - postponed.size;
  const result = { accepted, duplicates: [], rejected: rejections };
  const [error] = postponed.values();
  if (error === undefined) return result;
  return {
    ...result,
    postponed: { indexes: [...postponed.keys()].sort((a, b) => a - b), error },
  };
}
