import { Type } from '@sinclair/typebox';
import { toError } from '../component/errors.ts';
import type { MessageOutcome, RawMessage } from '../notification/intake.ts';
import { ApiError, badValue, toApiError } from './errors.ts';
import { messageBatches, messageLines } from './message-lines.ts';
import { limitedBody, refuseAnnounced } from './request-body.ts';
import { type ApiContext, type ApiRequest, type ApiRoute, defineRoute } from './route.ts';

/** One notification is the whole body. */
const DOCUMENT_TYPE = 'application/json';
/** Each line of the body is a notification. */
const LINE_TYPES = ['application/x-ndjson', 'application/jsonl', 'text/plain'];

/** So few that what a batch leaves behind is collected while it is young; a mebibyte bounds what one request holds. */
const BATCH = { messages: 100, bytes: 1_048_576 };

/** Requests that hand over notifications at the same time; each holds at most one batch and one message. */
const MAXIMUM_CONCURRENT = 16;

type Counts = Record<MessageOutcome, number>;

const COUNTS_SCHEMA = Type.Object({
  accepted: Type.Integer({ description: 'Taken over: what they produced is stored' }),
  duplicate: Type.Integer({ description: 'There already' }),
  parked: Type.Integer({ description: 'Could not be processed; see /v1/parked' }),
});

/** `/v1/notifications`; one list per server, because it bounds what is in flight. */
export function notificationRoutes(): readonly ApiRoute[] {
  let inFlight = 0;
  const takeNotifications = defineRoute({
    method: 'POST',
    path: '/v1/notifications',
    tag: 'notifications',
    summary: 'Takes notifications as services send them; answers after everything they produced is stored.',
    bodyTypes: [DOCUMENT_TYPE, ...LINE_TYPES],
    answer: COUNTS_SCHEMA,
    handle: async (context, request) => {
      const messages = openMessages(context, request);
      if (inFlight >= MAXIMUM_CONCURRENT) throw busy();
      inFlight++;
      try {
        return { body: await takeAll(messages, context, request.signal) };
      } finally {
        inFlight--;
      }
    },
  });
  return [takeNotifications];
}

function busy(): ApiError {
  return new ApiError(
    503,
    'E4011',
    `${MAXIMUM_CONCURRENT} requests with notifications are being worked on already`,
  );
}

/** The batches of a request, after everything that can be refused without reading the body. */
function openMessages(context: ApiContext, request: ApiRequest<unknown>): AsyncIterable<readonly Buffer[]> {
  const { maxRequestBytes } = context.limits;
  const type = contentType(request.headers['content-type']);
  const encoding = String(request.headers['content-encoding'] ?? 'identity');
  if (encoding !== 'identity') throw unsupported(`The content encoding ${encoding} is not understood`);
  if (type !== DOCUMENT_TYPE && !LINE_TYPES.includes(type)) {
    throw unsupported(`The content type ${type || '(none)'} is not one of notifications`);
  }
  if (request.body === undefined) throw noMessage();
  refuseAnnounced(request.headers['content-length'], maxRequestBytes);
  const bytes = limitedBody(request.body, maxRequestBytes);
  return type === DOCUMENT_TYPE ? wholeDocument(bytes) : messageBatches(messageLines(bytes), BATCH);
}

function contentType(header: string | readonly string[] | undefined): string {
  const [type = ''] = String(header ?? '').split(';');
  return type.trim().toLowerCase();
}

function unsupported(message: string): ApiError {
  return new ApiError(415, 'E4009', message, { headers: { connection: 'close' } });
}

function noMessage(): ApiError {
  return badValue('The request body holds no notification');
}

async function* wholeDocument(bytes: AsyncIterable<Buffer>): AsyncGenerator<readonly Buffer[]> {
  const pieces: Buffer[] = [];
  for await (const piece of bytes) pieces.push(piece);
  const document = Buffer.concat(pieces);
  if (document.length > 0) yield [document];
}

/**
 * Hands over batch after batch; the next is read only after the last was taken. When one is refused, those before it
 * stay taken: the sender repeats the whole request and what is there already counts as duplicate.
 */
async function takeAll(
  batches: AsyncIterable<readonly Buffer[]>,
  context: ApiContext,
  signal: AbortSignal,
): Promise<Counts> {
  const counts: Counts = { accepted: 0, duplicate: 0, parked: 0 };
  try {
    for await (const batch of batches) {
      for (const outcome of await context.intake.take(batch.map(rawMessage), signal)) counts[outcome]++;
    }
  } catch (thrown) {
    throw withProgress(thrown, counts);
  }
  if (total(counts) === 0) throw noMessage();
  return counts;
}

function rawMessage(body: Buffer): RawMessage {
  return { body, origin: { source: 'http' } };
}

function total(counts: Counts): number {
  return counts.accepted + counts.duplicate + counts.parked;
}

/** The same error, saying how much was taken before it. */
function withProgress(thrown: unknown, counts: Counts): Error {
  const error = toApiError(thrown);
  const taken = total(counts);
  if (taken === 0) return error;
  const { status, code, hint, headers } = error;
  const message = `${error.message} (${taken} notifications before it were taken; send all of them again)`;
  return new ApiError(status, code, message, { hint, headers, cause: toError(thrown) });
}
