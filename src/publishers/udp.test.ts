import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { suite, type TestContext, test } from 'node:test';
import { samplePublisherContract } from '../../test/contract/publisher.ts';
import { createBare } from '../../test/contract/publisher-fixture.ts';
import { sampleNumber } from '../../test/contract/publisher-items.ts';
import { configOf } from '../../test/support/config.ts';
import { until } from '../../test/support/until.ts';
import { NephoscopeError } from '../component/errors.ts';
import { Secret } from '../config/option.ts';
import { decodeMsgpack } from '../lib/msgpack.ts';
import type { JsonObject } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';
import { Metrics } from '../observe/metrics.ts';
import { hasValidSignature } from '../wire/message-signature.ts';
import { parseMeteringMessage, toMeteringMessage } from '../wire/metering-message.ts';
import type { PublisherContext } from './publisher.ts';
import { UDP_PUBLISHER } from './udp.ts';

interface Receiver {
  readonly socket: Socket;
  readonly port: number;
  readonly datagrams: Buffer[];
}

async function openReceiver(t: TestContext, address = '127.0.0.1', port = 0): Promise<Receiver> {
  const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 8 << 20 });
  const datagrams: Buffer[] = [];
  socket.on('message', (datagram) => datagrams.push(datagram));
  await new Promise<void>((resolve) => socket.bind(port, address, resolve));
  t.after(() => closeQuietly(socket));
  return { socket, port: socket.address().port, datagrams };
}

function closeQuietly(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // Closed by the test.
  }
}

const openPublisher = (t: TestContext, url: string, given: Partial<PublisherContext> = {}) =>
  createBare(t, UDP_PUBLISHER, 'samples', url, { name: 'publisher:udp:samples', ...given });

function idOf(datagram: Buffer): string {
  return parseMeteringMessage(decodeMsgpack(datagram)).id;
}

samplePublisherContract({
  definition: UDP_PUBLISHER,
  mayLose: true,
  without: ['breakDown', 'hang'],
  count: 500,
  poison: (index) =>
    sampleNumber(index, { id: `poison-${index}`, resourceMetadata: { long: 'x'.repeat(70_000) } }),
  open: async (t) => {
    const { port, datagrams } = await openReceiver(t);
    return { url: `udp://127.0.0.1:${port}`, arrived: () => datagrams.map(idOf) };
  },
});

suite('udp://', () => {
  test('each datagram is the signed metering message as msgpack', async (t) => {
    const { port, datagrams } = await openReceiver(t);
    const config = configOf({ 'publisher/telemetry_secret': new Secret('k') });
    const publisher = openPublisher(t, `udp://127.0.0.1:${port}`, { config });
    await publisher.start(t.signal);
    const samples = [
      sampleNumber(0, { volume: 512 }),
      sampleNumber(1, { resourceMetadata: { list: ['é', 1.5] } }),
    ];
    const result = await publisher.publish(samples, t.signal);
    assert.deepEqual(result, { accepted: 2, duplicates: [], rejected: [] });
    await until('both have arrived', () => datagrams.length === 2);
    const messages = datagrams.map((datagram) => decodeMsgpack(datagram) as JsonObject);
    for (const [index, message] of messages.entries()) {
      const { message_signature: signature, ...unsigned } = message;
      assert.deepEqual(unsigned, toMeteringMessage(samples[index] as Sample));
      assert.equal(typeof signature, 'string');
      assert.equal(hasValidSignature(message, ['k']), true);
    }
  });

  test('IPv6 is preferred where the name has such an address', async (t) => {
    const { port, datagrams } = await openReceiver(t, '::1');
    const publisher = openPublisher(t, `udp://[::1]:${port}`);
    await publisher.start(t.signal);
    await publisher.publish([sampleNumber(0)], t.signal);
    await until('it has arrived', () => datagrams.length === 1);
  });

  test('what is too large or cannot be encoded is refused for good, its neighbours are sent', async (t) => {
    const { port, datagrams } = await openReceiver(t);
    const publisher = openPublisher(t, `udp://127.0.0.1:${port}`);
    await publisher.start(t.signal);
    const samples = [
      sampleNumber(0),
      sampleNumber(1, { resourceMetadata: { long: 'x'.repeat(65_507) } }),
      sampleNumber(2, { resourceMetadata: { large: 2n ** 64n } }),
      sampleNumber(3),
    ];
    const { accepted, rejected } = await publisher.publish(samples, t.signal);
    assert.equal(accepted, 2);
    assert.deepEqual(
      rejected.map(({ index, error }) => [index, error.code, error.retry]),
      [
        [1, 'E8071', 'permanent'],
        [2, 'E8075', 'permanent'],
      ],
    );
    await until('both have arrived', () => datagrams.length === 2);
    assert.deepEqual(datagrams.map(idOf), [samples[0]?.id, samples[3]?.id]);
  });

  test('a host that cannot be resolved holds nothing up at the start and is tried again', async (t) => {
    const publisher = openPublisher(t, 'udp://no-such-host.invalid');
    await publisher.start(t.signal);
    assert.match(publisher.status().reason ?? '', /^E8070 Host "no-such-host\.invalid" cannot be resolved: /);
    await assert.rejects(publisher.publish([sampleNumber(0)], t.signal), {
      code: 'E8070',
      retry: 'transient',
    });
  });

  test('when nobody listens that is counted and shown, sending goes on, and a listener that comes is found', async (t) => {
    const first = await openReceiver(t);
    const metrics = new Metrics();
    const publisher = openPublisher(t, `udp://127.0.0.1:${first.port}`, { metrics });
    await publisher.start(t.signal);
    first.socket.close();
    const publish = async (index: number) => publisher.publish([sampleNumber(index)], t.signal);
    await until('the refusal was told', async () => {
      assert.equal((await publish(0)).accepted, 1);
      return publisher.status().state === 'degraded';
    });
    const reason = `E8072 Nobody listens at 127.0.0.1 port ${first.port}: samples are lost`;
    assert.ok(publisher.status().reason?.startsWith(`${reason} (since 20`));
    assert.match(
      metrics.expose(),
      /^nephoscope_udp_refused_total\{publisher="publisher:udp:samples"\} [1-9]/m,
    );
    const { datagrams } = await openReceiver(t, '127.0.0.1', first.port);
    await until('one has arrived and all is well', async () => {
      await publish(1);
      return datagrams.length > 0 && publisher.status().state === 'ok';
    });
  });

  test('a batch that is given up is left for later as far as it was not sent', async (t) => {
    const { port } = await openReceiver(t);
    const publisher = openPublisher(t, `udp://127.0.0.1:${port}`);
    await publisher.start(t.signal);
    const { accepted, postponed } = await publisher.publish([sampleNumber(0)], AbortSignal.abort());
    assert.deepEqual([accepted, postponed?.indexes, postponed?.error.retry], [0, [0], 'transient']);
  });

  test('a URL without a host and the published default secret are refused when it is made', (t) => {
    const refused = (code: string) => (error: unknown) =>
      error instanceof NephoscopeError && error.code === code;
    assert.throws(() => openPublisher(t, 'udp://'), refused('E1113'));
    const config = configOf({ 'publisher/telemetry_secret': new Secret('change this for valid signing') });
    assert.throws(() => openPublisher(t, 'udp://localhost', { config }), refused('E5024'));
  });
});
