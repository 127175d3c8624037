import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { samplePublisherContract } from '../../test/contract/publisher.ts';
import { createBare, range } from '../../test/contract/publisher-fixture.ts';
import { sampleNumber } from '../../test/contract/publisher-items.ts';
import { configOf } from '../../test/support/config.ts';
import { listen } from '../../test/support/listen.ts';
import { until } from '../../test/support/until.ts';
import { createDeadline } from '../component/component.ts';
import { Secret } from '../config/option.ts';
import { decodeMsgpack } from '../lib/msgpack.ts';
import type { JsonObject } from '../model/json.ts';
import { hasValidSignature } from '../wire/message-signature.ts';
import { toMeteringMessage } from '../wire/metering-message.ts';
import type { PublisherContext } from './publisher.ts';
import { TCP_PUBLISHER } from './tcp.ts';

/** A receiver of frames: eight bytes of length, little-endian, then msgpack. */
class FrameServer {
  readonly messages: JsonObject[] = [];
  port = 0;
  #server: Server | null = null;
  #isPaused = false;
  readonly #sockets = new Set<Socket>();

  async open(): Promise<void> {
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    this.port = await listen(server, this.port);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server?.close(resolve) ?? resolve(null));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    this.#server = null;
  }

  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    for (const socket of this.#sockets) isPaused ? socket.pause() : socket.resume();
  }

  ids(): readonly string[] {
    return this.messages.map((message) => String(message.message_id));
  }

  #accept(socket: Socket): void {
    let held = Buffer.alloc(0);
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      held = Buffer.concat([held, chunk]);
      while (held.length >= 8 && held.length >= 8 + Number(held.readBigUInt64LE())) {
        const end = 8 + Number(held.readBigUInt64LE());
        this.messages.push(decodeMsgpack(held.subarray(8, end)) as JsonObject);
        held = held.subarray(end);
      }
    });
    if (this.#isPaused) socket.pause();
  }
}

async function openServer(t: TestContext): Promise<FrameServer> {
  const server = new FrameServer();
  await server.open();
  t.after(() => server.close());
  return server;
}

const openPublisher = (t: TestContext, url: string, given: Partial<PublisherContext> = {}) =>
  createBare(t, TCP_PUBLISHER, 'samples', url, { name: 'publisher:tcp:samples', ...given });

samplePublisherContract({
  definition: TCP_PUBLISHER,
  without: ['hang'],
  poison: (index) => sampleNumber(index, { id: `poison-${index}`, resourceMetadata: { large: 2n ** 64n } }),
  open: async (t) => {
    const server = await openServer(t);
    return {
      url: `tcp://127.0.0.1:${server.port}`,
      arrived: () => server.ids(),
      breakDown: () => server.close(),
      repair: () => server.open(),
    };
  },
});

suite('tcp://', () => {
  test('each frame is the signed metering message with publisher_id as msgpack', async (t) => {
    const server = await openServer(t);
    const config = configOf({ 'publisher/telemetry_secret': new Secret('k') });
    const publisher = openPublisher(t, `tcp://127.0.0.1:${server.port}`, { config, host: 'node-1' });
    await publisher.start(t.signal);
    const sample = sampleNumber(0);
    const result = await publisher.publish([sample], t.signal);
    assert.deepEqual(result, { accepted: 1, duplicates: [], rejected: [] });
    await until('it has arrived', () => server.messages.length === 1);
    const [message = {}] = server.messages;
    const { message_signature: signature, ...unsigned } = message;
    assert.deepEqual(unsigned, { ...toMeteringMessage(sample), publisher_id: 'node-1' });
    assert.equal(typeof signature, 'string');
    assert.equal(hasValidSignature(message, ['k']), true);
  });

  test('a target that is not there holds nothing up at the start and is tried with each batch', async (t) => {
    const server = await openServer(t);
    await server.close();
    const publisher = openPublisher(t, `tcp://127.0.0.1:${server.port}`);
    await publisher.start(t.signal);
    assert.match(
      publisher.status().reason ?? '',
      /^E8073 No connection to 127\.0\.0\.1 port \d+: .*ECONNREFUSED/,
    );
    await assert.rejects(publisher.publish([sampleNumber(0)], t.signal), {
      code: 'E8073',
      retry: 'transient',
    });
    await server.open();
    await publisher.publish([sampleNumber(1)], t.signal);
    await until('it has arrived', () => server.messages.length === 1);
    assert.deepEqual(publisher.status(), { state: 'ok' });
  });

  test('a connection the target closes is noticed while nothing is sent, and made again', async (t) => {
    const server = await openServer(t);
    const publisher = openPublisher(t, `tcp://127.0.0.1:${server.port}`);
    await publisher.start(t.signal);
    await publisher.publish([sampleNumber(0)], t.signal);
    await server.close();
    await until('it is noticed', () => publisher.status().state === 'degraded');
    assert.match(
      publisher.status().reason ?? '',
      /^E8074 The connection to 127\.0\.0\.1 port \d+ was lost: /,
    );
    await server.open();
    await publisher.publish([sampleNumber(1)], t.signal);
    await until('both have arrived', () => server.messages.length === 2);
  });

  test('a target that does not read is given up with the signal, and gets the batch whole over a new connection', async (t) => {
    const server = await openServer(t);
    const publisher = openPublisher(t, `tcp://127.0.0.1:${server.port}`);
    await publisher.start(t.signal);
    server.pause(true);
    const large = range(0, 300).map((index) =>
      sampleNumber(index, { resourceMetadata: { long: 'x'.repeat(60_000) } }),
    );
    await assert.rejects(publisher.publish(large, AbortSignal.timeout(100)), {
      code: 'E8074',
      retry: 'transient',
    });
    server.pause(false);
    await publisher.publish(large, t.signal);
    await until('all have arrived', () => new Set(server.ids()).size === 300);
  });

  test('a stop says good-bye after what was sent', async (t) => {
    const server = await openServer(t);
    const publisher = openPublisher(t, `tcp://127.0.0.1:${server.port}`);
    await publisher.start(t.signal);
    await publisher.publish(
      range(0, 100).map((index) => sampleNumber(index)),
      t.signal,
    );
    await publisher.stop(createDeadline(1_000));
    await until('all have arrived', () => server.messages.length === 100);
    assert.deepEqual(publisher.status(), { state: 'stopped', reason: 'not started' });
  });
});
