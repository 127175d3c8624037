import { setTimeout as sleep } from 'node:timers/promises';
import { NephoscopeError, toError } from '../component/errors.ts';
import { createBackoff } from '../lib/backoff.ts';
import type { RecordedMessage } from './replay-reader.ts';
import type { ReplayTarget, SendResult } from './replay-target.ts';

/** One batch is read while the other one is being stored. */
const CONCURRENT_REQUESTS = 2;
const RETRY = { initialMillis: 100, maxMillis: 5000 };
const LONGEST_RETRY_AFTER_MILLIS = 30_000;

/**
 * Sends to the notification path of a server, a batch as lines of one request. A request that the server cannot take
 * now (503, 429, or no answer) is sent again whole: what was taken already counts as a duplicate there. A body that is
 * too large is split. Throws a permanent `NephoscopeError` (E4031) when the address is none.
 */
export function createHttpTarget(address: string): ReplayTarget {
  const url = notificationUrl(address);
  let trouble: Error | null = null;
  const send = async (batch: readonly RecordedMessage[], signal: AbortSignal): Promise<SendResult> => {
    const backoff = createBackoff(RETRY);
    for (;;) {
      const answer = await post(url, batch, signal);
      if (answer.kind !== 'later') trouble = null;
      if (answer.kind === 'taken') return answer.result;
      if (answer.kind === 'too large')
        return batch.length > 1 ? sendHalves(batch, signal) : refusedBatch(answer.reason);
      trouble = answer.error;
      await sleep(answer.afterMillis ?? backoff.nextMillis(), undefined, { signal });
    }
  };
  const sendHalves = async (batch: readonly RecordedMessage[], signal: AbortSignal): Promise<SendResult> => {
    const middle = Math.ceil(batch.length / 2);
    const first = await send(batch.slice(0, middle), signal);
    return merge(first, await send(batch.slice(middle), signal));
  };
  return {
    name: url.href,
    concurrency: CONCURRENT_REQUESTS,
    open: async (signal) => {
      await reach(url, signal);
    },
    send,
    trouble: () => trouble,
    close: async () => {},
  };
}

type Answer =
  | { readonly kind: 'taken'; readonly result: SendResult }
  | { readonly kind: 'too large'; readonly reason: string }
  | { readonly kind: 'later'; readonly error: NephoscopeError; readonly afterMillis: number | null };

function notificationUrl(address: string): URL {
  if (!URL.canParse(address)) {
    throw new NephoscopeError('E4031', `--to is no address: ${address}`, {
      hint: 'Write it like http://127.0.0.1:8777 or rabbit://user:password@host:5672/vhost.',
    });
  }
  const url = new URL(address);
  if (!url.pathname.endsWith('/v1/notifications'))
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/notifications`;
  return url;
}

/** One look whether anything answers, so that a wrong address is found before a file is read. */
async function reach(url: URL, signal: AbortSignal): Promise<void> {
  try {
    const response = await fetch(new URL('/readyz', url), { signal });
    await response.body?.cancel();
  } catch (thrown) {
    throw unreachable(url, thrown);
  }
}

async function post(url: URL, batch: readonly RecordedMessage[], signal: AbortSignal): Promise<Answer> {
  const body = batch.map((message) => oneLine(message.body)).join('\n');
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body,
      signal,
    });
    text = await response.text();
  } catch (thrown) {
    signal.throwIfAborted();
    return { kind: 'later', error: unreachable(url, thrown), afterMillis: null };
  }
  if (response.ok) return { kind: 'taken', result: readCounts(text, batch.length) };
  const reason = `${url.origin} answered ${response.status}: ${readFault(text)}`;
  if (response.status === 413) return { kind: 'too large', reason };
  if (response.status < 500 && response.status !== 429) throw new NephoscopeError('E4032', reason);
  const error = new NephoscopeError('E4032', reason, { retry: 'transient' });
  return { kind: 'later', error, afterMillis: retryAfterMillis(response.headers.get('retry-after')) };
}

/** Line ends can only stand between the tokens of a JSON document, where a blank means the same. */
function oneLine(body: string): string {
  return /[\r\n]/.test(body) ? body.replace(/[\r\n]+/g, ' ') : body;
}

function retryAfterMillis(header: string | null): number | null {
  if (header === null || !/^\d{1,6}$/.test(header.trim())) return null;
  return Math.min(Number(header) * 1000, LONGEST_RETRY_AFTER_MILLIS);
}

function readCounts(text: string, size: number): SendResult {
  try {
    const counts: unknown = JSON.parse(text);
    const pairs = Object.entries(counts ?? {}).filter(([, count]) => typeof count === 'number' && count > 0);
    return { sent: size, refused: [], outcomes: Object.fromEntries(pairs) };
  } catch (thrown) {
    throw new NephoscopeError('E4033', 'The server took the notifications and answered no JSON', {
      cause: thrown,
    });
  }
}

function readFault(text: string): string {
  try {
    const fault = JSON.parse(text)?.error_message;
    return String(fault?.faultstring ?? fault ?? text.slice(0, 200));
  } catch {
    return text.slice(0, 200);
  }
}

function unreachable(url: URL, thrown: unknown): NephoscopeError {
  const error = toError(thrown);
  const cause = error.cause instanceof AggregateError ? error.cause.errors[0] : error.cause;
  const why = cause instanceof Error ? cause.message : error.message;
  return new NephoscopeError('E4031', `The server at ${url.origin} cannot be reached: ${why}`, {
    retry: 'transient',
    cause: thrown,
  });
}

function refusedBatch(reason: string): SendResult {
  return { sent: 0, refused: [reason], outcomes: {} };
}

function merge(one: SendResult, other: SendResult): SendResult {
  const outcomes: Record<string, number> = { ...one.outcomes };
  for (const [word, count] of Object.entries(other.outcomes)) outcomes[word] = (outcomes[word] ?? 0) + count;
  return { sent: one.sent + other.sent, refused: [...one.refused, ...other.refused], outcomes };
}
