import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { fakeView, pollContext } from '../../../test/support/fake-host.ts';
import { NephoscopeError } from '../../component/errors.ts';
import type { Sample } from '../../model/sample.ts';
import { createCpuPollster } from './cpu.ts';

/** A whole /proc/stat whose first line is `cpu`. */
function stat(cpu: string): string {
  return `cpu  ${cpu}\ncpu0 2167 0 1348 92608 14 0 13 2 0 0\nintr 462643 0 0\nctxt 1470579\nbtime 1795168146\n`;
}

const volumes = (samples: readonly Sample[]): Record<string, number> =>
  Object.fromEntries(samples.map((sample) => [sample.name, sample.volume]));

test('the first run takes two readings shortly after one another, so that shares show at once', async () => {
  const machine = { files: { '/proc/stat': stat('4000 10 3000 180000 200 5 60 9 0 0') } };
  const waits: number[] = [];
  const context = pollContext((millis) => {
    waits.push(millis);
    machine.files['/proc/stat'] = stat('4020 10 3010 180100 220 5 70 19 0 0');
  });
  const samples = await createCpuPollster(fakeView(machine)).poll(context);
  assert.deepEqual(waits, [900]);
  // 170 ticks: 20 user, 10 system, 100 idle, 20 waiting, 10 soft interrupts, 10 stolen.
  assert.deepEqual(volumes(samples), {
    'hardware.cpu.util': 29.41,
    'hardware.system_stats.cpu.idle': 58.82,
    'hardware.cpu.user': 4020,
    'hardware.cpu.nice': 10,
    'hardware.cpu.system': 3010,
    'hardware.cpu.idle': 180100,
    'hardware.cpu.wait': 220,
    'hardware.cpu.interrupt': 5,
  });
  assert.deepEqual(samples[0], {
    id: samples[0]?.id,
    name: 'hardware.cpu.util',
    type: 'gauge',
    unit: '%',
    volume: 29.41,
    userId: null,
    userName: null,
    projectId: null,
    projectName: null,
    resourceId: 'node1',
    timestamp: '2026-01-02T03:04:05',
    timestampMicros: 1767323045000000,
    resourceMetadata: { host: 'node1' },
    source: 'hardware',
    deployment: null,
    monotonicTime: 12.5,
  });
});

test('later runs compare with the run before and wait for nothing', async () => {
  const machine = { files: { '/proc/stat': stat('0 0 0 0') } };
  const pollster = createCpuPollster(fakeView(machine));
  await pollster.poll(pollContext());
  machine.files['/proc/stat'] = stat('75 0 0 25');
  const samples = await pollster.poll(pollContext(() => assert.fail('waited')));
  assert.equal(volumes(samples)['hardware.cpu.util'], 75);
});

test('the time of guests is part of the time of users and not counted twice', async () => {
  const machine = { files: { '/proc/stat': stat('0 0 0 0 0 0 0 0 0 0') } };
  const pollster = createCpuPollster(fakeView(machine));
  await pollster.poll(pollContext());
  machine.files['/proc/stat'] = stat('40 10 0 50 0 0 0 0 40 10');
  assert.equal(volumes(await pollster.poll(pollContext()))['hardware.cpu.util'], 50);
});

test('counters that stand still or begin anew give no shares but are told', async () => {
  const machine = { files: { '/proc/stat': stat('100 0 0 100') } };
  const pollster = createCpuPollster(fakeView(machine));
  const names = (samples: readonly Sample[]): boolean => samples.some(({ unit }) => unit === '%');
  assert.equal(names(await pollster.poll(pollContext())), false);
  machine.files['/proc/stat'] = stat('5 0 0 5');
  const samples = await pollster.poll(pollContext());
  assert.equal(names(samples), false);
  assert.equal(volumes(samples)['hardware.cpu.idle'], 5);
});

test('a waiting time that steps back does not push a share out of its range', async () => {
  const machine = { files: { '/proc/stat': stat('0 0 0 100 50') } };
  const pollster = createCpuPollster(fakeView(machine));
  await pollster.poll(pollContext());
  machine.files['/proc/stat'] = stat('0 0 0 200 40');
  const { 'hardware.cpu.util': util, 'hardware.system_stats.cpu.idle': idle } = volumes(
    await pollster.poll(pollContext()),
  );
  assert.deepEqual([util, idle], [0, 100]);
});

test('a missing or strange file fails with its name', async () => {
  for (const files of [{}, { '/proc/stat': '' }, { '/proc/stat': 'cpu  1 x 2 3\n' }] as Record<
    string,
    string
  >[]) {
    await assert.rejects(
      createCpuPollster(fakeView({ files })).poll(pollContext()),
      (thrown) =>
        thrown instanceof NephoscopeError && thrown.code === 'E7004' && /\/proc\/stat/.test(thrown.message),
    );
  }
});

test('whatever the file holds, shares stay between 0 and 100 and nothing but E7004 is thrown', async () => {
  const ticks = fc.array(fc.nat(), { minLength: 4, maxLength: 10 }).map((values) => stat(values.join(' ')));
  const text = fc.oneof(ticks, fc.string(), fc.constant('cpu \n'));
  await fc.assert(
    fc.asyncProperty(text, text, async (first, second) => {
      const machine = { files: { '/proc/stat': first } };
      const context = pollContext(() => {
        machine.files['/proc/stat'] = second;
      });
      try {
        for (const { unit, volume } of await createCpuPollster(fakeView(machine)).poll(context)) {
          assert.ok(Number.isFinite(volume) && volume >= 0 && (unit !== '%' || volume <= 100));
        }
      } catch (thrown) {
        assert.ok(thrown instanceof NephoscopeError && thrown.code === 'E7004', String(thrown));
      }
    }),
  );
});
