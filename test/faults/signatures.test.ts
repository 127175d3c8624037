import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { suite, test } from 'node:test';
import { stringifyExact } from '../../src/lib/exact-json.ts';
import type { Sample } from '../../src/model/sample.ts';
import { encodeSampleMessage } from '../../src/publishers/msgpack-message.ts';
import { toMeteringMessage } from '../../src/wire/metering-message.ts';
import { encodeNotification, listPayload } from '../../src/wire/notification-message.ts';
import { eventMessageText, meteringMessageText } from '../../src/wire/signed-text.ts';
import { range } from '../contract/publisher-fixture.ts';
import { eventNumber, sampleNumber } from '../contract/publisher-items.ts';
import { eachOnce, getJson, storedSamples } from '../support/oracle-store.ts';
import { consumed, suiteVhost } from '../support/rabbit.ts';
import { type Server, startServer } from '../support/server.ts';
import { rabbitAvailable, skipUnless } from '../support/services.ts';
import { until } from '../support/until.ts';

const skip = skipUnless(await rabbitAvailable());
const SECRET = 'what the cloud knows';
const OTHER_SECRET = 'what a stranger knows';
const EXCHANGE = 'ceilometer';

/** What is sent in one message: good ones, and bad ones of each kind among them. */
const GOOD = 100;
const BAD = 5;

suite('a collector among forgers', { skip, timeout: 90_000 }, () => {
  const { vhost, client } = suiteVhost();

  function startCollector(env: Readonly<Record<string, string>> = {}): Promise<Server> {
    return startServer({
      env: {
        OS_DEFAULT__TRANSPORT_URL: vhost.url(),
        OS_COLLECTOR__ENABLED: 'true',
        OS_PUBLISHER__TELEMETRY_SECRET: SECRET,
        ...env,
      },
    });
  }

  test('of 100,000 good samples on the bus and 20,000 forged ones exactly the good are stored, and each of the others is counted', async (t) => {
    await using server = await startCollector();
    await consumed(client, 'metering.sample');
    await consumed(client, 'event.sample');
    const messages = 1_000;
    for (let first = 0; first < messages; first += 50) {
      await client.publish(EXCHANGE, 'metering.sample', range(first, 50).map(samplesMessage));
    }
    await client.publish(EXCHANGE, 'event.sample', range(0, 10).map(eventsMessage));
    // The same again is a repeat for the store and no forgery.
    await client.publish(EXCHANGE, 'metering.sample', range(0, 50).map(samplesMessage));
    const wanted = {
      'dropped{input="events",reason="bad-signature"}': 10 * BAD,
      'dropped{input="samples",reason="bad-signature"}': (messages + 50) * 4 * BAD,
      'received{input="events"}': 10 * (GOOD + BAD),
      'received{input="samples"}': (messages + 50) * (GOOD + 4 * BAD),
      'recorded{input="events"}': 10 * GOOD,
      'recorded{input="samples"}': (messages + 50) * GOOD,
    };
    await until(
      'all is received and acknowledged',
      async () => {
        const { 'recorded{input="samples"}': recorded } = await counts(server);
        return (
          recorded === wanted['recorded{input="samples"}'] &&
          (await server.metric('nephoscope_source_in_flight')) === 0
        );
      },
      40_000,
    );
    assert.deepEqual(await counts(server), wanted);
    assert.deepEqual(await storedSamples(server.url, 'cpu.utilization'), eachOnce(messages * GOOD));
    const events = await getJson<readonly { readonly message_id: string }[]>(
      `${server.url}/v2/events?limit=10000`,
    );
    const ids = events.map(({ message_id }) => message_id).toSorted();
    assert.deepEqual(
      ids,
      range(0, 10 * GOOD).map((index) => eventNumber(index).messageId),
    );
    assert.deepEqual(await getJson(`${server.url}/v1/parked`), []);
    t.diagnostic(JSON.stringify(wanted));
  });

  test('of signed, repeated, forged, unsigned, old and broken datagrams exactly the signed ones are stored, once', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    const port = await freeUdpPort();
    await using server = await startCollector({
      OS_COLLECTOR__UDP_ADDRESS: '127.0.0.1',
      OS_COLLECTOR__UDP_PORT: String(port),
    });
    let sent = 0;
    // Nothing confirms a datagram: few at a time, so that the kernel loses none.
    const send = async (datagrams: readonly Buffer[]): Promise<void> => {
      for (const [index, datagram] of datagrams.entries()) {
        socket.send(datagram, port, '127.0.0.1');
        sent++;
        if (index % 100 < 99 && index < datagrams.length - 1) continue;
        await until('they are in', async () => (await counts(server))['received{input="udp"}'] === sent);
      }
    };
    const now = Date.now();
    const good = range(0, 5_000).map((index) => encodeSampleMessage(sampleAt(index, now), SECRET));
    await send(good);
    await send(good);
    await send(range(0, 500).map((index) => encodeSampleMessage(sampleAt(index, now), OTHER_SECRET)));
    await send(range(0, 500).map((index) => encodeSampleMessage(sampleAt(index, now), '')));
    await send(range(0, 500).map((index) => encodeSampleMessage(sampleAt(index, now - 3_600_000), SECRET)));
    await send(good.slice(0, 500).map((datagram) => datagram.subarray(0, datagram.length / 2)));
    socket.close();
    await until(
      'they are stored',
      async () => (await counts(server))['recorded{input="udp"}'] === good.length,
    );
    assert.deepEqual(await counts(server), {
      'dropped{input="udp",reason="bad-signature"}': 1_000,
      'dropped{input="udp",reason="replayed"}': good.length,
      'dropped{input="udp",reason="stale"}': 500,
      'dropped{input="udp",reason="unreadable"}': 500,
      'received{input="udp"}': sent,
      'recorded{input="udp"}': good.length,
    });
    assert.deepEqual(await storedSamples(server.url, 'cpu.utilization'), eachOnce(good.length));
  });
});

/** Good samples, and among them what was changed, signed by a stranger, not signed, or signed in part. */
function samplesMessage(index: number): string {
  const samples = range(index * GOOD, GOOD).map((number) => sampleNumber(number, { volume: number }));
  const texts = samples.map((sample) => meteringMessageText(sample, SECRET));
  const [forged, strange, unsigned, cut] = range(0, 4).map((kind) =>
    samples.slice(kind * BAD, (kind + 1) * BAD),
  );
  texts.splice(
    7,
    0,
    ...(forged ?? []).map((sample) => changed(meteringMessageText(sample, SECRET), '"counter_volume":', -1)),
  );
  texts.splice(30, 0, ...(strange ?? []).map((sample) => meteringMessageText(sample, OTHER_SECRET)));
  texts.unshift(
    ...(unsigned ?? []).map((sample) => stringifyExact(toMeteringMessage({ ...sample, volume: -2 }))),
  );
  texts.push(
    ...(cut ?? []).map((sample) => meteringMessageText(sample, SECRET).replace(/"[0-9a-f]+"}$/, '"12"}')),
  );
  return messageOf('metering', texts);
}

/** As `samplesMessage`, with traits that were changed. */
function eventsMessage(index: number): string {
  const texts = range(index * GOOD, GOOD).map((number) => eventMessageText(eventNumber(number), SECRET));
  const forged = texts.slice(0, BAD).map((text) => text.replace('instance-', 'somebody-'));
  return messageOf('event', [...forged, ...texts]);
}

/** The number behind `key` becomes another one. */
function changed(text: string, key: string, value: number): string {
  const at = text.indexOf(key) + key.length;
  return `${text.slice(0, at)}${value}${text.slice(text.indexOf(',', at))}`;
}

function messageOf(eventType: 'metering' | 'event', texts: readonly string[]): string {
  const { body } = encodeNotification(
    {
      messageId: 'ba7c0000-0000-4000-8000-000000000000',
      uniqueId: 'f'.repeat(32),
      publisherId: 'telemetry.publisher.node-1',
      eventType,
      priority: 'sample',
      timestampMicros: Date.UTC(2026, 0, 2, 3, 4, 5) * 1_000,
      payloadText: listPayload(texts),
    },
    '2.0',
  );
  return body.toString();
}

function sampleAt(number: number, millis: number): Sample {
  const timestampMicros = millis * 1_000;
  const timestamp = new Date(millis).toISOString().replace('Z', '+00:00');
  return sampleNumber(number, { volume: number, timestamp, timestampMicros });
}

/** Counters of the collector that are not zero, by name without prefix and suffix. */
async function counts({ url }: Server): Promise<Readonly<Record<string, number>>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.matchAll(/^nephoscope_collector_(\w+)_total(\{[^}]*\})? (\d+)$/gm);
  const all = Array.from(lines, ([, name, labels, value]) => [`${name}${labels}`, Number(value)] as const);
  return Object.fromEntries(all.filter(([, value]) => value > 0).sort());
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}
