import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type Certificates, createCertificates, opensslAvailable } from '../support/certificates.ts';
import { skipUnless } from '../support/services.ts';
import { until } from '../support/until.ts';
import { type Flow, startFlow } from './flow.ts';
import { type OwnBroker, ownBrokerAvailable, startOwnBroker } from './own-broker.ts';

const MESSAGES = 100_000;
const skip = skipUnless(await ownBrokerAvailable(), await opensslAvailable());

suite('a source and a broker that dies or runs out of memory', { skip, timeout: 240_000 }, () => {
  let certificates: Certificates;
  let broker: OwnBroker;
  before(async () => {
    certificates = await createCertificates();
    broker = await startOwnBroker(certificates);
  });
  after(async () => {
    await broker?.[Symbol.asyncDispose]();
    await certificates[Symbol.asyncDispose]();
  });

  function request(name: string, query = '') {
    const publishUrl = `rabbit://guest:guest@127.0.0.1:${broker.port}/`;
    return {
      exchange: name,
      topic: name,
      publishUrl,
      url: `${publishUrl}?rabbit_qos_prefetch_count=500${query}`,
    };
  }

  async function well(flow: Flow): Promise<void> {
    await until('all is well', () => flow.source.status().state === 'ok', 20_000);
  }

  test('own authority and own certificate: let in with them, turned away with a reason without', async () => {
    const base = `rabbit://guest:guest@localhost:${broker.tlsPort}/?ssl=1&ssl_ca_file=${certificates.caFile}`;
    const own = `&ssl_cert_file=${certificates.certFile}&ssl_key_file=${certificates.keyFile}`;
    await using flow = await startFlow({ ...request('tls'), url: base + own });
    assert.deepEqual(flow.source.status(), { state: 'ok' });
    await flow.send(1000);
    assert.deepEqual(await flow.settle(), { sent: 1000, lost: 0, unexpected: 0 });
    await using stranger = await startFlow({ ...request('tls-none'), url: base });
    await until('it is turned away', () => stranger.source.status().state === 'degraded');
    assert.match(stranger.source.status().reason ?? '', /^E200[25] .*localhost/);
  });

  test('a memory alarm stops those who publish; who only reads goes on, is told nothing, and loses nothing', async (t) => {
    await using flow = await startFlow(request('alarm'));
    await flow.send(MESSAGES / 2);
    await broker.ctl('set_vm_memory_high_watermark', '0.00001');
    const sending = flow.send(MESSAGES / 2);
    const before = await flow.settle(5000).then(({ sent }) => sent);
    assert.deepEqual(flow.source.status(), { state: 'ok' }, 'it publishes nothing, so nothing holds it up');
    assert.ok(before < MESSAGES, 'the alarm held the sender up');
    await broker.ctl('set_vm_memory_high_watermark', '0.4');
    await sending;
    const result = await flow.settle();
    t.diagnostic(JSON.stringify({ ...result, atTheAlarm: before }));
    assert.deepEqual(result, { sent: MESSAGES, lost: 0, unexpected: 0 });
  });

  test('killed and started again, the broker is found again and nothing it had confirmed is lost', async (t) => {
    await using flow = await startFlow(request('killed'));
    const sending = flow.send(MESSAGES);
    for (let round = 1; round <= 2; round++) {
      await until('work is under way', () => flow.taken() > round * 10_000, 30_000);
      await broker.kill();
      await until('it is named', () => flow.source.status().reason?.startsWith('E2002') === true);
      assert.equal(flow.metric('nephoscope_source_connected'), 0);
      await broker.start();
      await well(flow);
    }
    await sending;
    const result = await flow.settle();
    const redelivered = flow.metric('nephoscope_source_redelivered_total');
    t.diagnostic(JSON.stringify({ ...result, redelivered, cut: flow.trouble('E2006') }));
    assert.deepEqual(result, { sent: MESSAGES, lost: 0, unexpected: 0 });
    assert.ok(flow.trouble('E2006') >= 2 && flow.trouble('E2002') >= 2);
  });
});
