import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NephoscopeError } from '../component/errors.ts';
import { type MessageForm, toMessages } from './notifier-messages.ts';

interface Item {
  readonly id: string;
  readonly name: string;
  readonly text: string;
}

const FORM: MessageForm<Item> = {
  exchange: 'ceilometer',
  topics: ['metering'],
  eventType: 'metering',
  publisherId: 'telemetry.publisher.node-1',
  envelope: '2.0',
  maxPayloadBytes: 100,
  toText: ({ id, text }) => JSON.stringify({ id, text }),
  idOf: ({ id }) => id,
  nameOf: null,
};

const MICROS = Date.UTC(2026, 0, 2, 3, 4, 5) * 1000;

function open(body: Buffer): {
  readonly event_type: string;
  readonly payload: readonly { readonly id: string }[];
} {
  const outer = JSON.parse(body.toString());
  return JSON.parse(outer['oslo.message'] ?? body.toString());
}

test('a message has the form of the original', () => {
  const form: MessageForm<Item> = { ...FORM, envelope: '1.0' };
  const { messages, contents, rejected } = toMessages([{ id: 'a', name: 'n', text: 'é' }], form, MICROS);
  const [message] = messages;
  assert.ok(message !== undefined);
  const { message_id, _unique_id, ...rest } = JSON.parse(message.body.toString());
  assert.deepEqual(rest, {
    publisher_id: 'telemetry.publisher.node-1',
    event_type: 'metering',
    priority: 'SAMPLE',
    payload: [{ id: 'a', text: 'é' }],
    timestamp: '2026-01-02 03:04:05',
  });
  assert.equal(message_id.length, 36);
  assert.deepEqual([message.exchange, message.routingKey], ['ceilometer', 'metering.sample']);
  assert.equal(message.properties.mandatory, true);
  assert.equal(message.properties.deliveryMode, 2);
  assert.deepEqual([contents, rejected], [[[0]], []]);
});

test('an item without a text is rejected alone; a batch of nothing else makes no message', () => {
  const toText = (item: Item): string => {
    if (item.text === 'bad') throw new NephoscopeError('E5023', 'too deep');
    return FORM.toText(item);
  };
  const items = ['a', 'bad', 'c'].map((text, index) => ({ id: `${index}`, name: 'n', text }));
  const { contents, rejected } = toMessages(items, { ...FORM, toText }, MICROS);
  assert.deepEqual(contents, [[0, 2]]);
  assert.deepEqual(
    rejected.map(({ index, error }) => [index, error.code]),
    [[1, 'E5023']],
  );
  assert.deepEqual(toMessages(items.slice(1, 2), { ...FORM, toText }, MICROS).messages, []);
});

test('each topic gets every item once and in order, in messages that are small enough', () => {
  const item = fc.record({ name: fc.constantFrom('cpu', 'disk', 'net'), text: fc.string({ maxLength: 60 }) });
  const topics = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1 });
  fc.assert(
    fc.property(fc.array(item, { maxLength: 30 }), topics, fc.boolean(), (parts, wanted, perName) => {
      const items = parts.map((part, index): Item => ({ ...part, id: `id-${index}` }));
      const nameOf = perName ? ({ name }: Item) => name : null;
      const { messages, contents } = toMessages(items, { ...FORM, topics: wanted, nameOf }, MICROS);
      const ids = items.map(({ id }) => id);
      for (const topic of wanted) {
        const found = messages.flatMap(({ routingKey, body }, index) => {
          if (routingKey !== `${topic}.sample`) return [];
          const { event_type, payload } = open(body);
          const size = Buffer.byteLength(JSON.stringify(payload));
          assert.ok(payload.length === 1 || size <= FORM.maxPayloadBytes + 1, `${size} bytes`);
          assert.deepEqual(
            payload.map(({ id }) => id),
            contents[index]?.map((at) => ids[at]),
          );
          return payload.map(({ id }) => [event_type, id] as const);
        });
        const all = found.filter(([type]) => type === 'metering').map(([, id]) => id);
        assert.deepEqual(all, ids);
        for (const name of perName ? ['cpu', 'disk', 'net'] : []) {
          const some = found.filter(([type]) => type === `metering.${name}`).map(([, id]) => id);
          assert.deepEqual(
            some,
            items.filter((one) => one.name === name).map(({ id }) => id),
          );
        }
      }
    }),
  );
});
