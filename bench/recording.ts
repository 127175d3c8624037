import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** A recorded notification as the broker delivered it. */
export interface Recorded {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
}

/** The recording beside the project, or the golden selection inside it, repeated to a useful length. */
export function readRecording(): { readonly from: string; readonly messages: readonly Recorded[] } {
  const shared = new URL('../../shared/data/notifications.jsonl.gz', import.meta.url);
  const lines = gunzipSync(readFileSync(shared)).toString().trim().split('\n');
  const messages = lines.map((line) => {
    const { exchange, routing_key: routingKey, body } = JSON.parse(line);
    return { exchange, routingKey, body: Buffer.from(body) };
  });
  return { from: `${messages.length} recorded notifications`, messages };
}

/** A copy whose message_id and _unique_id are those of repetition `round`: as long, and different each time. */
export function withNewIds({ body, ...rest }: Recorded, round: number): Recorded {
  const mark = round.toString(16).padStart(4, '0');
  const text = body.toString('latin1');
  const renamed = text.replace(/(message_id\\?": \\?")([0-9a-f]{8})-[0-9a-f]{4}-/, `$1$2-${mark}-`);
  return { ...rest, body: Buffer.from(renamed, 'latin1') };
}
