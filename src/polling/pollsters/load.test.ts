import assert from 'node:assert/strict';
import test from 'node:test';
import { fakeView, pollContext } from '../../../test/support/fake-host.ts';
import { NephoscopeError } from '../../component/errors.ts';
import { createLoadPollster } from './load.ts';

const poll = (text: string) =>
  createLoadPollster(fakeView({ files: { '/proc/loadavg': text } })).poll(pollContext());

test('the three load averages are told', async () => {
  const samples = await poll('0.00 12.02 3 4/166 10186\n');
  assert.deepEqual(
    samples.map(({ name, type, unit, volume, resourceId }) => [name, type, unit, volume, resourceId]),
    [
      ['hardware.cpu.load.1min', 'gauge', 'process', 0, 'node1'],
      ['hardware.cpu.load.5min', 'gauge', 'process', 12.02, 'node1'],
      ['hardware.cpu.load.15min', 'gauge', 'process', 3, 'node1'],
    ],
  );
});

test('another form of the file fails rather than giving zeros', async () => {
  for (const text of ['', 'a b c', '1 2', '1e9 0 0 1/1 1', '-1 0 0 1/1 1', 'NaN 0 0 1/1 1']) {
    await assert.rejects(
      poll(text),
      (thrown) => thrown instanceof NephoscopeError && thrown.code === 'E7004',
    );
  }
});
