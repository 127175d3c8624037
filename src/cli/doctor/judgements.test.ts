import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { configOf } from '../../../test/support/config.ts';
import { readRabbitSettings } from '../../bus/rabbit-settings.ts';
import { parseTransportUrl } from '../../bus/transport-url.ts';
import { createDeadline } from '../../component/component.ts';
import { defineOption, Secret } from '../../config/option.ts';
import { openStore } from '../../store/open.ts';
import { judgeWay } from './brokers.ts';
import { unheard } from './exchanges.ts';
import { filesCheck } from './files.ts';
import type { DoctorContext, DoctorRequest, Finding, ServerView } from './finding.ts';
import { lostDatagrams, openFiles, receiveBuffer } from './kernel.ts';
import { heapFindings, nodeVersion, programCheck } from './program.ts';
import { publishedSecrets } from './secrets.ts';
import { judgeServer } from './server.ts';
import { judgeFreeSpace, judgeSchema, storeCheck } from './store.ts';

const MEBIBYTE = 1_048_576;

function kinds(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ severity, id }) => `${severity} ${id}`);
}

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-doctor-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function contextOf(parts: Partial<DoctorContext>, request: Partial<DoctorRequest> = {}): DoctorContext {
  return {
    request: {
      configFile: [],
      configDir: [],
      serverUrl: null,
      stateDir: null,
      watchSeconds: 1,
      deep: false,
      managementUrl: null,
      ...request,
    },
    config: configOf({}),
    problems: [],
    files: [],
    stateDir: '/nowhere',
    env: {},
    server: async () => null,
    signal: new AbortController().signal,
    ...parts,
  };
}

test('the version of Node must be the one the store needs', () => {
  assert.equal(nodeVersion('24.15.0').severity, 'ok');
  assert.equal(nodeVersion('25.0.1').severity, 'ok');
  assert.deepEqual(
    [nodeVersion('24.14.9').severity, nodeVersion('22.21.0').severity],
    ['failure', 'failure'],
  );
});

test('the heap must have room and fit into the machine', () => {
  assert.deepEqual(heapFindings(4_096 * MEBIBYTE, 8_192 * MEBIBYTE), []);
  assert.match(heapFindings(128 * MEBIBYTE, 8_192 * MEBIBYTE)[0]?.what ?? '', /128 MiB only/);
  assert.equal(
    heapFindings(4_096 * MEBIBYTE, 1_000 * MEBIBYTE)[0]?.fix,
    'NODE_OPTIONS=--max-old-space-size=600',
  );
});

test('switches that take protection away are found in the environment', async () => {
  const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_OPTIONS: '--inspect=0.0.0.0' };
  const found = kinds(await programCheck.run(contextOf({ env })));
  assert.ok(
    found.includes('failure tls-not-verified') && found.includes('warning debugger-open'),
    found.join(),
  );
});

test('plain text, an unchecked certificate and the login everybody knows are named, but not on this machine', () => {
  const judge = (text: string): readonly string[] => {
    const url = parseTransportUrl(text);
    return url.hosts.flatMap((host) => kinds(judgeWay(host, readRabbitSettings(configOf({}), url))));
  };
  assert.deepEqual(judge('rabbit://guest:guest@127.0.0.1/'), []);
  assert.deepEqual(judge('rabbit://u:p@mq.example/'), ['warning broker-plain-text']);
  assert.deepEqual(judge('rabbit://u:p@mq.example/?ssl=1'), []);
  assert.deepEqual(judge('rabbit://guest:guest@mq.example/?ssl=1&ssl_verify=0'), [
    'warning broker-not-verified',
    'failure broker-guest',
  ]);
  assert.deepEqual(judge('rabbit://mq-1.example,u:p@[::1]/'), [
    'warning broker-plain-text',
    'failure broker-guest',
  ]);
});

test('exchanges we do not listen to come with the lines that add them', () => {
  assert.equal(
    unheard('east', ['watcher', 'zun'])[0]?.fix,
    '[notification]\nadditional_control_exchanges = watcher\nadditional_control_exchanges = zun',
  );
});

test('a secret with a published value is named and not shown', () => {
  const option = defineOption({
    group: 'publisher',
    name: 'telemetry_secret',
    type: 'secret',
    default: null,
    doc: 'x',
    since: '0.1.0',
  });
  const found = (text: string) =>
    publishedSecrets(configOf({ 'publisher/telemetry_secret': new Secret(text) }), [option]);
  assert.deepEqual(found('my own'), []);
  const [finding] = found('change this for valid signing');
  assert.deepEqual([finding?.severity, finding?.id], ['failure', 'published-secret']);
  assert.ok(!JSON.stringify(finding).includes('change this'));
});

test('limits of the system are judged by what is lost with them', () => {
  const limits = (soft: string) =>
    `Limit  Soft Limit  Hard Limit  Units\nMax open files            ${soft}   524288   files\n`;
  assert.equal(openFiles(limits('1024')).severity, 'warning');
  assert.equal(openFiles(limits('unlimited')).severity, 'ok');
  assert.equal(receiveBuffer(212_992, 4 * MEBIBYTE).severity, 'warning');
  assert.equal(receiveBuffer(8 * MEBIBYTE, 4 * MEBIBYTE).severity, 'ok');
  const snmp =
    'Ip: A B\nIp: 1 2\nUdp: InDatagrams NoPorts RcvbufErrors\nUdp: 10 0 7\nUdpLite: RcvbufErrors\nUdpLite: 9\n';
  assert.match(lostDatagrams(snmp)[0]?.what ?? '', /^7 datagrams/);
  assert.deepEqual(lostDatagrams(snmp.replace('0 7', '0 0')), []);
  assert.deepEqual(lostDatagrams(''), []);
});

test('secrets others may read, files others may write and an open state directory are named with the command', (t) => {
  const directory = temporaryDirectory(t);
  const file = join(directory, 'nephoscope.conf');
  const stateDir = join(directory, 'state');
  writeFileSync(file, '');
  mkdirSync(stateDir);
  const config = { ...configOf({}), origin: () => `${file}:3` };
  const look = (fileMode: number, stateMode: number): readonly Finding[] => {
    chmodSync(file, fileMode);
    chmodSync(stateDir, stateMode);
    return filesCheck.run(contextOf({ config, files: [file], stateDir })) as readonly Finding[];
  };
  assert.deepEqual(kinds(look(0o640, 0o700)), ['ok file-modes']);
  const findings = look(0o646, 0o750);
  assert.deepEqual(kinds(findings), [
    'failure secret-world-readable',
    'failure file-world-writable',
    'warning state-dir',
  ]);
  assert.deepEqual(
    findings.map(({ fix }) => fix),
    [`chmod o-rwx '${file}'`, `chmod o-w '${file}'`, `chmod 0700 '${stateDir}'`],
  );
});

test('a deployments file and a pipeline file with a login are secrets too', (t) => {
  const directory = temporaryDirectory(t);
  const deployments = join(directory, 'deployments.yaml');
  const pipeline = join(directory, 'pipeline.yaml');
  writeFileSync(deployments, '[]');
  const sink = (url: string) =>
    `sources: [{name: s, meters: ["*"], sinks: [k]}]\nsinks: [{name: k, publishers: ["${url}"]}]\n`;
  const config = {
    ...configOf({ 'notification/deployments_file': deployments, 'DEFAULT/pipeline_cfg_file': pipeline }),
    findFile: (name: string) => (name.startsWith(directory) ? name : null),
  };
  const look = (url: string, mode: number): readonly string[] => {
    writeFileSync(pipeline, sink(url));
    for (const file of [deployments, pipeline]) chmodSync(file, mode);
    const context = contextOf({ config, stateDir: directory });
    return (filesCheck.run(context) as readonly Finding[]).map(
      ({ id, what }) => `${id} ${what.split(' ')[0]}`,
    );
  };
  assert.deepEqual(look('http://u:p@host/', 0o644).toSorted(), [
    `secret-world-readable ${deployments}`,
    `secret-world-readable ${pipeline}`,
  ]);
  assert.deepEqual(look('store://', 0o644), [`secret-world-readable ${deployments}`]);
  assert.deepEqual(look('http://u:p@host/', 0o640), ['file-modes nobody']);
});

test('a store is looked at without making a file beside it, and damage is found', async (t) => {
  const stateDir = temporaryDirectory(t);
  const path = join(stateDir, 'telemetry.sqlite');
  const look = async (deep = true): Promise<readonly Finding[]> =>
    await storeCheck.run(contextOf({ stateDir }, { deep }));
  assert.deepEqual(kinds(await look()).slice(0, 1), ['info store']);
  const store = openStore(`sqlite://${path}`);
  await store.start(AbortSignal.timeout(5_000));
  assert.deepEqual(kinds(await look()), ['ok store-schema', 'ok store-whole', 'ok free-space']);
  await store.stop(createDeadline(2_000));
  const before = readdirSync(stateDir);
  assert.deepEqual(kinds(await look()), ['ok store-schema', 'ok store-whole', 'ok free-space']);
  assert.deepEqual(readdirSync(stateDir), before);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  chmodSync(path, 0o644);
  assert.ok(kinds(await look()).includes('warning store-mode'));
  writeFileSync(path, 'x'.repeat(10_000));
  assert.ok(kinds(await look()).includes('failure store-unreadable'));
});

test('schema and free space are judged against this program', () => {
  assert.equal(judgeSchema('p', 0, 0).severity, 'info');
  assert.equal(judgeSchema('p', 1_000, 0).severity, 'warning');
  const severities = [100, 500, 5_000].map((mebibytes) => judgeFreeSpace('d', mebibytes * MEBIBYTE).severity);
  assert.deepEqual(severities, ['failure', 'warning', 'ok']);
});

test('a running server is judged by its parts, release, clock and what it has put aside', () => {
  const view: ServerView = {
    baseUrl: 'http://127.0.0.1:8777',
    state: 'ok',
    components: [{ name: 'api', state: 'ok', reason: null }],
    version: '1.2.3',
    clockSkewMillis: 400,
    parkedCount: 0,
  };
  assert.deepEqual(kinds(judgeServer(view, '1.2.3')), ['ok server']);
  const bad = judgeServer(
    {
      ...view,
      state: 'failed',
      components: [
        { name: 'source:amqp', state: 'degraded', reason: 'nothing answers' },
        { name: 'store', state: 'failed', reason: null },
        { name: 'api', state: 'ok', reason: 'something to say' },
      ],
      clockSkewMillis: -61_000,
      parkedCount: 100,
    },
    '2.0.0',
  );
  assert.deepEqual(kinds(bad), [
    'warning server-part',
    'failure server-part',
    'info server-part',
    'warning server-version',
    'warning clock-skew',
    'warning parked',
    'failure server',
  ]);
  assert.match(bad[4]?.what ?? '', /61 s behind/);
  assert.match(bad[5]?.what ?? '', /^100 or more messages are/);
});
