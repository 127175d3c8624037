import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { nephoscope } from '../support/cli.ts';
import { createUser, createVhost, type TestVhost } from '../support/rabbit.ts';
import { startServer } from '../support/server.ts';
import { rabbitAvailable, skipUnless } from '../support/services.ts';

interface Report {
  readonly verdict: string;
  readonly findings: readonly {
    readonly check: string;
    readonly severity: string;
    readonly id: string;
    readonly what: string;
    readonly fix?: string;
  }[];
}

/** An environment in which nothing of this machine's own configuration is found. */
function environment(t: TestContext): { readonly home: string; readonly env: Record<string, string> } {
  const home = mkdtempSync(join(tmpdir(), 'nephoscope-doctor-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  return { home, env: { HOME: home, XDG_STATE_HOME: join(home, 'state'), OS_API__PORT: '9' } };
}

async function examine(env: Readonly<Record<string, string>>, args: readonly string[] = []) {
  const ended = await nephoscope(['doctor', '-f', 'json', '--watch', '0.2', ...args], { env });
  const report: Report = JSON.parse(ended.stdout);
  return { ...ended, report, found: problems(report) };
}

/** What is to be done, but for limits of the machine the test runs on. */
function problems({ findings }: Report): readonly string[] {
  return findings
    .filter(
      ({ severity, id }) =>
        severity !== 'ok' && severity !== 'info' && id !== 'open-files' && id !== 'memory',
    )
    .map(({ check, severity, id }) => `${check}: ${severity} ${id}`);
}

test('on a bare machine all is well, and the command ends with 0', async (t) => {
  const { env } = environment(t);
  const { found, code, report, stderr } = await examine(env);
  assert.deepEqual(found, []);
  assert.equal(stderr, '');
  assert.equal(code, report.verdict === 'ok' ? 0 : 1);
  const checks = [...new Set(report.findings.map(({ check }) => check))];
  assert.deepEqual(checks, [
    'program',
    'configuration',
    'files',
    'secrets',
    'kernel',
    'brokers',
    'store',
    'server',
  ]);
});

test('a configuration that cannot be read is shown with its place, and the rest is looked at', async (t) => {
  const { home, env } = environment(t);
  const file = join(home, 'my.conf');
  writeFileSync(file, '[api]\nport = many\n[DEFAULT]\ntransport_urll = rabbit://u:canary-1@h/\n');
  const { found, code, report, stdout } = await examine({ ...env, OS_API__PORT: '' }, [
    '--config-file',
    file,
  ]);
  assert.equal(code, 2);
  assert.ok(
    found.some((line) => /^configuration: failure E10\d\d$/.test(line)),
    found.join(),
  );
  assert.ok(
    found.some((line) => /^configuration: warning E10\d\d$/.test(line)),
    found.join(),
  );
  assert.ok(!stdout.includes('canary'));
  assert.ok(report.findings.some(({ check, id }) => check === 'store' && id === 'not-checked'));
  assert.ok(report.findings.some(({ check, severity }) => check === 'program' && severity === 'ok'));
});

test('a running server is recognised by its address, and what it has put aside is named', async (t) => {
  const { env } = environment(t);
  await using server = await startServer();
  await fetch(`${server.url}/v1/notifications`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: 'broken',
  });
  const args = ['--url', server.url, '--state-dir', server.stateDir, '--deep'];
  const { found, code, report } = await examine(env, args);
  assert.deepEqual([found, code], [['server: warning parked'], 1]);
  const what = report.findings.map((finding) => finding.what).join('\n');
  assert.match(what, /answers: ok, \d+ parts, release \d/);
  assert.match(what, /telemetry\.sqlite was read as a whole: no damage/);
  const gone = await examine(env, ['--url', 'http://127.0.0.1:9']);
  assert.deepEqual([gone.found, gone.code], [['server: failure server'], 2]);
});

test('the text for people has one line a finding, its reason and what to do', async (t) => {
  const { home, env } = environment(t);
  const file = join(home, 'my.conf');
  writeFileSync(file, '[database]\nconnection = sqlite:////nowhere/canary-2.sqlite\n');
  chmodSync(file, 0o644);
  const { stdout, code } = await nephoscope(['doctor', '--config-file', file], { env });
  assert.equal(code, 2);
  const lines = stdout.split('\n');
  const at = lines.findIndex((line) => line.includes('holds a secret'));
  assert.deepEqual(lines.slice(at, at + 3), [
    `✘ failure files         ${file} holds a secret and everybody on this machine may read it (mode 0644)`,
    '                        why: Who has the login of the broker can read and forge all notifications of the cloud.',
    `                        fix: chmod o-rwx '${file}'`,
  ]);
  assert.match(lines.at(-2) ?? '', /^1 failure, .*\d+ ok$/);
});

const rabbit = await rabbitAvailable();

suite('with a broker', { skip: skipUnless(rabbit) }, () => {
  /** Queues as services leave them when nobody reads: one of Nova's versioned ones is full, one is growing. */
  async function fill(vhost: TestVhost): Promise<void> {
    await using client = await vhost.open();
    for (const exchange of ['nova', 'watcher'])
      await client.channel.assertExchange(exchange, 'topic', { durable: false });
    for (const queue of ['notifications.info', 'versioned_notifications.info']) {
      await client.channel.assertQueue(queue, { durable: false });
      await client.channel.bindQueue(queue, 'nova', queue);
    }
    await client.publish('nova', 'versioned_notifications.info', ['{}', '{}', '{}']);
  }

  /** Everything there is in a virtual host, with its numbers. */
  async function contents(vhost: TestVhost): Promise<unknown> {
    await using client = await vhost.open();
    const names = [
      'notifications.info',
      'versioned_notifications.info',
      'notifications.error',
      'metering.sample',
    ];
    return await Promise.all(
      names.map(async (name) => [name, await client.ready(name), await client.consumers(name)]),
    );
  }

  test('queues nobody reads, unknown exchanges and growth are found, and nothing is changed', async (t) => {
    const { env } = environment(t);
    await using vhost = await createVhost();
    await fill(vhost);
    const before = await contents(vhost);
    const { found, code, report, stdout } = await examine({ ...env, OS_DEFAULT__TRANSPORT_URL: vhost.url() });
    assert.deepEqual(
      [found, code],
      [['brokers: warning exchange-not-listened', 'brokers: warning queue-without-consumer'], 1],
    );
    assert.deepEqual(await contents(vhost), before);
    const what = report.findings.filter(({ check }) => check === 'brokers').map((finding) => finding.what);
    assert.match(what.join('\n'), /RabbitMQ \S+ at 127\.0\.0\.1:5672 lets guest in/);
    assert.match(what.join('\n'), /nobody reads versioned_notifications\.info \(3\): 3 messages wait/);
    assert.match(what.join('\n'), /empty and without a reader: notifications\.info/);
    assert.ok(!stdout.includes('guest:guest'));
  });

  test('a growing queue is seen by two readings', async (t) => {
    const { env } = environment(t);
    await using vhost = await createVhost();
    await fill(vhost);
    await using client = await vhost.open();
    const timer = setInterval(
      () => client.channel.publish('nova', 'notifications.info', Buffer.from('{}')),
      5,
    );
    try {
      const args = ['--watch', '1'];
      const { report } = await examine({ ...env, OS_DEFAULT__TRANSPORT_URL: vhost.url() }, args);
      const growing = report.findings.find(({ what }) => what.includes('reads notifications.info'));
      assert.match(growing?.what ?? '', /growing by \d+(\.\d)? a second/);
      assert.match(
        growing?.fix ?? '',
        /^To read them: nephoscope serve .*\n.*\nrabbitmqctl set_policy -p 'nephoscope-test-/,
      );
    } finally {
      clearInterval(timer);
    }
  });

  test('a refused login and a missing virtual host are told apart, and no password is shown', async (t) => {
    const { env } = environment(t);
    await using vhost = await createVhost();
    const name = `${vhost.name}-user`;
    await using _ = await createUser(name, 'canary-3');
    const look = async (password: string, where: string) => {
      const url = `rabbit://${name}:${password}@127.0.0.1/${where}`;
      const { report, stdout, code } = await examine({ ...env, OS_DEFAULT__TRANSPORT_URL: url });
      assert.ok(!stdout.includes('canary'), stdout);
      assert.equal(code, 2);
      const failures = report.findings.filter(({ severity }) => severity === 'failure');
      return failures.map(({ id, what }) => `${id} ${what.split(' ')[0]}`);
    };
    assert.deepEqual(await look('canary-4', vhost.name), ['broker-unreachable E2003']);
    assert.deepEqual(await look('canary-3', 'no-such-vhost'), ['broker-unreachable E2004']);
  });

  test('brokers that are only sent to are looked at, too, each once', async (t) => {
    const { home, env } = environment(t);
    await using vhost = await createVhost();
    const pipeline = join(home, 'pipeline.yaml');
    writeFileSync(
      pipeline,
      `sources: [{name: s, meters: ["*"], sinks: [k]}]
sinks: [{name: k, publishers: ["notifier://", "notifier://guest:guest@127.0.0.1:9/?topic=a&policy=drop"]}]
`,
      { mode: 0o600 },
    );
    const { found, report } = await examine({
      ...env,
      OS_DEFAULT__PIPELINE_CFG_FILE: pipeline,
      OS_DEFAULT__TRANSPORT_URL: vhost.url(),
      OS_NOTIFICATION__MESSAGING_URLS: vhost.url(),
    });
    assert.deepEqual(found, ['brokers: warning exchanges', 'brokers: failure broker-unreachable']);
    assert.equal(report.findings.filter(({ id }) => id === 'broker-reachable').length, 1);
  });

  test('one dead node among several is a failure, and the others are looked at', async (t) => {
    const { env } = environment(t);
    await using vhost = await createVhost();
    const url = `rabbit://guest:guest@127.0.0.1:9,guest:guest@127.0.0.1:5672/${vhost.name}`;
    const { found, report } = await examine({ ...env, OS_DEFAULT__TRANSPORT_URL: url });
    assert.deepEqual(found, ['brokers: failure broker-unreachable', 'brokers: warning exchanges']);
    assert.ok(report.findings.some(({ id }) => id === 'broker-reachable'));
  });
});
