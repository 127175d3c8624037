import assert from 'node:assert/strict';
import test from 'node:test';
import { NephoscopeError } from '../../component/errors.ts';
import { examine } from './examine.ts';
import type { DoctorCheck, DoctorRequest } from './finding.ts';
import { formatJsonReport, formatReport, verdictOf } from './report.ts';

const REQUEST: DoctorRequest = {
  configFile: [],
  configDir: [],
  serverUrl: 'http://127.0.0.1:9',
  stateDir: null,
  watchSeconds: 0.1,
  deep: false,
  managementUrl: null,
};
const NEVER = new AbortController().signal;

const good: DoctorCheck = {
  name: 'good',
  needsConfig: true,
  run: () => [{ severity: 'ok', id: 'fine', what: 'fine' }],
};

function failing(name: string, thrown: Error): DoctorCheck {
  return { name, needsConfig: false, run: async () => Promise.reject(thrown) };
}

test('a check that fails is a finding with its help, and the others go on', async () => {
  const ours = failing('ours', new NephoscopeError('E2001', 'Bad transport URL', { hint: 'Correct it.' }));
  const other = failing('other', new Error('broken amqp://u:canary@h\u001b[31m'));
  const reports = await examine(REQUEST, { HOME: '/nowhere' }, NEVER, [ours, other, good]);
  assert.equal(verdictOf(reports), 'failure');
  assert.equal(
    formatReport(reports, false),
    [
      '✘ failure ours          E2001 Bad transport URL',
      '                        fix: Correct it.',
      '✘ failure other         The check other could not be finished: broken amqp://u:(secret)@h\\u001b[31m',
      '✔ ok      good          fine',
      '',
      '2 failure, 1 ok',
      '',
    ].join('\n'),
  );
  const json = formatJsonReport(reports);
  assert.ok(!json.includes('canary'));
  assert.deepEqual(JSON.parse(json).counts, { ok: 1, info: 0, warning: 0, failure: 2 });
});

test('a check that does not end is given up when the time is over', async () => {
  const stuck: DoctorCheck = { name: 'stuck', needsConfig: false, run: () => new Promise(() => {}) };
  const [report] = await examine(REQUEST, { HOME: '/nowhere' }, AbortSignal.timeout(10), [stuck]);
  assert.deepEqual(report?.findings, [
    {
      severity: 'failure',
      id: 'check-failed',
      what: 'The check stuck could not be finished: it did not end in time',
    },
  ]);
});

test('without a usable configuration what needs it says that it was left out', async () => {
  const env = { HOME: '/nowhere', OS_API__PORT: 'many' };
  const [report] = await examine(REQUEST, env, NEVER, [good]);
  assert.deepEqual(
    report?.findings.map(({ severity, id }) => [severity, id]),
    [['info', 'not-checked']],
  );
});

test('the server is asked once for all checks', async () => {
  const seen: unknown[] = [];
  const asking: DoctorCheck = {
    name: 'asking',
    needsConfig: false,
    run: async ({ server }) => {
      seen.push(server());
      return [];
    },
  };
  await examine(REQUEST, { HOME: '/nowhere' }, NEVER, [asking, asking]);
  assert.equal(seen[0], seen[1]);
  assert.equal(await seen[0], null);
});
