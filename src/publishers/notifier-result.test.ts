import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NephoscopeError } from '../component/errors.ts';
import { toPublishResult } from './notifier-result.ts';

const batch = (...contents: readonly (readonly number[])[]) => ({ messages: [], contents, rejected: [] });
const full = new NephoscopeError('E2010', 'its queue is full', { retry: 'transient' });
const bad = new NephoscopeError('E2010', 'no');

test('what is confirmed is accepted, and what could not be written is rejected', () => {
  const rejected = [{ index: 1, error: bad }];
  assert.deepEqual(toPublishResult(3, { ...batch([0, 2]), rejected }, { confirmed: 1, rejected: [] }), {
    accepted: 2,
    duplicates: [],
    rejected,
  });
});

test('an item is postponed when one of its messages is, and refused for good when one of them is', () => {
  const result = toPublishResult(4, batch([0], [0], [1], [1], [2], [3]), {
    confirmed: 2,
    rejected: [
      { index: 1, error: full },
      { index: 2, error: full },
      { index: 3, error: bad },
      { index: 5, error: full },
    ],
  });
  assert.deepEqual(result, {
    accepted: 1,
    duplicates: [],
    rejected: [{ index: 1, error: bad }],
    postponed: { indexes: [0, 3], error: full },
  });
});

test('a message of several items that is refused for good is refused as a whole, for the runner to halve', () => {
  assert.throws(
    () => toPublishResult(2, batch([0, 1]), { confirmed: 0, rejected: [{ index: 0, error: bad }] }),
    bad,
  );
});
