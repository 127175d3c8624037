import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../observe/logger.ts';
import { ApiError } from './errors.ts';
import { createFailureLog } from './failure-log.ts';

test('a failure that repeats is logged once in ten seconds, with how many were left out', () => {
  const logged: unknown[] = [];
  let now = 0;
  const logger = Object.assign(Object.create(silentLogger), {
    error: ({ requestId, omitted }: Record<string, unknown>) => logged.push([requestId, omitted]),
  });
  const log = createFailureLog(logger, () => now);
  const report = (id: string, message: string) =>
    log.report(new ApiError(503, 'E4011', message), { id, method: 'GET', url: '/v2/meters?secret=1' });
  report('1', 'away');
  now = 9_999;
  report('2', 'away');
  report('3', 'other');
  report('4', 'away');
  report('5', 'away');
  now = 20_000;
  report('6', 'away');
  assert.deepEqual(logged, [
    ['1', undefined],
    ['3', 1],
    ['4', undefined],
    ['6', 1],
  ]);
});
