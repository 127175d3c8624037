import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import fc from 'fast-check';
import { boundPolicy, judgeQueues, type QueueSurroundings } from './queue-findings.ts';

const AROUND: QueueSurroundings = {
  label: 'east',
  vhost: '/',
  ours: ['notifications.info', 'notifications.error'],
  seconds: 2,
  isServing: false,
};

test('queues of one topic that nobody reads are one warning with cause, cure and policy', () => {
  const findings = judgeQueues(
    [
      { name: 'versioned_notifications.info', ready: 40, consumers: 0, growth: 30 },
      { name: 'versioned_notifications.error', ready: 2, consumers: 0, growth: 0 },
    ],
    AROUND,
  );
  assert.deepEqual(findings, [
    {
      severity: 'warning',
      id: 'queue-without-consumer',
      what: 'east: nobody reads versioned_notifications.info (40), versioned_notifications.error (2): 42 messages wait, growing by 15 a second',
      why: 'Nova sends here with [notifications] notification_format = both or versioned. Without a reader it grows until the broker runs out of memory or disk and stops everybody.',
      fix: [
        'To read them: [oslo_messaging_notifications] topics = notifications,versioned_notifications',
        'To stop them, in nova.conf: [notifications] notification_format = unversioned',
        'To bound them whoever reads (the oldest messages go):',
        `rabbitmqctl set_policy -p '/' --apply-to queues --priority 1 'nephoscope-bound-versioned_notifications' '^(versioned_notifications\\.info|versioned_notifications\\.error)$' '{"max-length":100000,"message-ttl":86400000,"overflow":"drop-head"}'`,
      ].join('\n'),
    },
  ]);
});

test('what is wrong depends on readers, length, growth and on whose queue it is', () => {
  const verdict = (
    queue: {
      readonly name: string;
      readonly ready: number;
      readonly consumers: number;
      readonly growth: number;
    },
    around: Partial<QueueSurroundings> = {},
  ) =>
    judgeQueues([queue], { ...AROUND, ...around }).map(({ severity, id, fix = '' }) => [
      severity,
      id,
      fix.split('\n')[0],
    ]);
  const ours = 'notifications.info';
  assert.deepEqual(verdict({ name: ours, ready: 5, consumers: 0, growth: 0 }), [
    ['warning', 'queue-without-consumer', 'To read them: nephoscope serve with this configuration.'],
  ]);
  assert.deepEqual(verdict({ name: ours, ready: 5, consumers: 0, growth: 0 }, { isServing: true }), [
    [
      'warning',
      'queue-without-consumer',
      'The running nephoscope should read them: see its /readyz, and whether it has this configuration.',
    ],
  ]);
  assert.equal(
    verdict({ name: 'metering.sample', ready: 100_000, consumers: 0, growth: 0 })[0]?.[0],
    'failure',
  );
  assert.deepEqual(verdict({ name: ours, ready: 0, consumers: 0, growth: 0 }), [['info', 'queue-idle', '']]);
  assert.deepEqual(verdict({ name: ours, ready: 0, consumers: 2, growth: 0 }), [
    [
      'info',
      'queue-read-by-others',
      'nephoscope serve --shadow reads a copy beside them; --takeover shares on purpose.',
    ],
  ]);
  assert.deepEqual(verdict({ name: ours, ready: 0, consumers: 2, growth: 0 }, { isServing: true }), [
    ['ok', 'queues', ''],
  ]);
  assert.deepEqual(verdict({ name: ours, ready: 5_000, consumers: 1, growth: 100 }, { isServing: true }), [
    [
      'warning',
      'queue-growing',
      'nephoscope top shows which stage is slow; more processes: [notification] workers.',
    ],
  ]);
  assert.deepEqual(verdict({ name: ours, ready: 5_000, consumers: 1, growth: -100 }, { isServing: true }), [
    ['info', 'queue-backlog', ''],
  ]);
});

test('without any queue that is said', () => {
  assert.deepEqual(judgeQueues([], AROUND), [
    { severity: 'ok', id: 'queues', what: 'east: there are no queues of notifications yet' },
  ]);
});

test('the policy command gives the broker the names as they are, whatever a shell would make of them', () => {
  const name = fc.string({ unit: 'binary-ascii', minLength: 1 }).filter((text) => !text.includes('\0'));
  fc.assert(
    fc.property(name, fc.array(name, { minLength: 1, maxLength: 3 }), (vhost, names) => {
      const command = boundPolicy('t', names, vhost).replace(/^rabbitmqctl/, "printf '%s\\0'");
      const { stdout } = spawnSync('/bin/sh', ['-c', command]);
      const words = String(stdout).split('\0');
      assert.equal(words[2], vhost);
      const pattern = new RegExp(words.at(-3) ?? '', 's');
      for (const one of names) assert.ok(pattern.test(one), one);
      assert.ok(!pattern.test(`${names[0]}x`) || names.includes(`${names[0]}x`));
      assert.equal(typeof JSON.parse(words.at(-2) ?? ''), 'object');
    }),
    { numRuns: 30 },
  );
});
