import { parseExact } from '../../src/lib/exact-json.ts';
import { Tally } from './oracle-tally.ts';
import type { TestClient } from './rabbit.ts';

/** Takes all messages of a topic, as a collector does, and counts the samples or events in them. */
export async function readTopic({ channel }: TestClient, topic: string): Promise<Tally> {
  const tally = new Tally();
  const queue = `${topic}.sample`;
  await channel.assertQueue(queue, { durable: false });
  await channel.consume(
    queue,
    (message) => {
      if (message === null) return;
      const envelope: { readonly 'oslo.message': string } = JSON.parse(message.content.toString());
      const { payload } = parseExact(envelope['oslo.message']) as { readonly payload: readonly unknown[] };
      for (const item of payload) tally.add(item);
    },
    { noAck: true },
  );
  return tally;
}
