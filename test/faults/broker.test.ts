import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createUser, setPermissions, suiteVhost } from '../support/rabbit.ts';
import { rabbitAvailable, skipUnless } from '../support/services.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { type Flow, startFlow } from './flow.ts';

const MESSAGES = 100_000;
const skip = skipUnless(await rabbitAvailable());

suite('a source while its broker misbehaves', { skip, timeout: 300_000 }, () => {
  const { vhost, client, reopen } = suiteVhost();

  function names() {
    return { exchange: `x-${randomUUID()}`, topic: `t-${randomUUID()}`, publishUrl: vhost.url() };
  }

  async function well(flow: Flow): Promise<void> {
    await until('all is well', () => flow.source.status().state === 'ok', 15_000);
  }

  test('cut, refused and swallowed by the network again and again, it loses nothing and says each time why', async (t) => {
    await using proxy = await createTcpProxy(5672);
    const url = vhost.url(proxy.port, 'heartbeat_timeout_threshold=1&rabbit_qos_prefetch_count=500');
    await using flow = await startFlow({ ...names(), url });
    const sending = flow.send(MESSAGES);
    for (let round = 0; round < 10; round++) {
      const before = flow.taken();
      await until('it goes on', () => flow.taken() > before + 1000 || flow.taken() === MESSAGES, 15_000);
      proxy.cut();
    }
    for (let round = 0; round < 3; round++) {
      await proxy.down();
      await until('it is seen', () => flow.source.status().reason?.startsWith('E2002') === true);
      assert.equal(flow.metric('nephoscope_source_connected'), 0);
      await proxy.up();
      await well(flow);
    }
    proxy.freeze();
    await until('the silence is noticed', () => flow.trouble('E2018') > 0, 10_000);
    await proxy.down();
    proxy.thaw();
    await proxy.up();
    await sending;
    const result = await flow.settle();
    await well(flow);
    const troubles = ['E2002', 'E2006', 'E2018'].map((code) => [code, flow.trouble(code)]);
    t.diagnostic(
      JSON.stringify({
        ...result,
        redelivered: flow.metric('nephoscope_source_redelivered_total'),
        troubles,
      }),
    );
    assert.deepEqual(result, { sent: MESSAGES, lost: 0, unexpected: 0 });
    assert.ok(flow.trouble('E2006') >= 10 && flow.trouble('E2002') >= 3);
    assert.ok(flow.metric('nephoscope_source_redelivered_total') > 0, 'else nothing was in hand at a cut');
    assert.equal(flow.metric('nephoscope_source_connected'), 1);
  });

  test('while an operator closes its connections it loses nothing', async (t) => {
    await using flow = await startFlow({ ...names(), url: vhost.url(5672, 'rabbit_qos_prefetch_count=500') });
    const sending = flow.send(MESSAGES);
    for (let round = 0; round < 5; round++) {
      await sleep(300);
      await vhost.closeAllConnections();
      await until('it is seen', () => flow.trouble('E2006') > round);
    }
    await reopen();
    await sending;
    const result = await flow.settle();
    await well(flow);
    t.diagnostic(JSON.stringify({ ...result, closed: flow.trouble('E2006') }));
    assert.deepEqual(result, { sent: MESSAGES, lost: 0, unexpected: 0 });
  });

  test('permissions taken away and given back: named meanwhile, recovered by itself, nothing lost', async (t) => {
    const user = `u-${randomUUID()}`;
    await using _ = await createUser(user, 'pw');
    await setPermissions(user, vhost.name, '.*', '.*', '.*');
    await using proxy = await createTcpProxy(5672);
    const url = `rabbit://${user}:pw@127.0.0.1:${proxy.port}/${vhost.name}?rabbit_qos_prefetch_count=500`;
    const request = names();
    await using flow = await startFlow({ ...request, url });
    const sending = flow.send(MESSAGES);
    await until('work is under way', () => flow.taken() > 1000);
    await setPermissions(user, vhost.name, '^$', '^$', '^$');
    proxy.cut();
    await until('it is named', () => flow.source.status().reason?.startsWith('E2008') === true);
    assert.equal(flow.source.status().state, 'degraded');
    assert.ok(flow.metric('nephoscope_source_problems') > 0);
    await setPermissions(user, vhost.name, '.*', '.*', '.*');
    await sending;
    const result = await flow.settle();
    await well(flow);
    t.diagnostic(JSON.stringify(result));
    assert.deepEqual(result, { sent: MESSAGES, lost: 0, unexpected: 0 });
    assert.equal(flow.metric('nephoscope_source_problems'), 0);
  });

  test('queues deleted, declared otherwise by someone else, exchanges deleted: used or made again without a restart', async (t) => {
    const request = names();
    const queue = `${request.topic}.info`;
    await using flow = await startFlow({ ...request, url: vhost.url() });
    const phase = async (): Promise<void> => {
      await flow.send(MESSAGES / 4);
      assert.equal((await flow.settle()).lost, 0);
    };
    await phase();
    await client.channel.deleteQueue(queue);
    await until('it is seen', () => flow.trouble('E2013') === 1);
    await well(flow);
    await phase();
    await client.channel.deleteQueue(queue);
    await client.channel.assertQueue(queue, { durable: true, arguments: { 'x-max-length': 1_000_000 } });
    await until('what is there is used', () => flow.source.status().reason?.startsWith('E2007') === true);
    await phase();
    await client.channel.deleteExchange(request.exchange);
    await until('it is bound again', () => flow.trouble('E2019') === 1);
    await phase();
    const result = await flow.settle();
    t.diagnostic(JSON.stringify(result));
    assert.deepEqual(result, { sent: MESSAGES, lost: 0, unexpected: 0 });
  });
});
