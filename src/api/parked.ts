import { Type } from '@sinclair/typebox';
import { formatUtc } from '../lib/timestamp.ts';
import type { MessageOutcome } from '../notification/intake.ts';
import { maskSecrets } from '../notification/mask-secrets.ts';
import type { StoredParkedItem } from '../store/store.ts';
import { boundedList } from './bounded-list.ts';
import { badValue, notFound } from './errors.ts';
import { LIMIT, textParameter } from './parameters.ts';
import { type ApiContext, type ApiRoute, defineRoute } from './route.ts';
import { NULLABLE_TEXT } from './schemas.ts';

const SUMMARY_FIELDS = {
  id: Type.Integer(),
  code: Type.String({ description: 'Error code of the reason' }),
  reason: Type.String(),
  event_type: NULLABLE_TEXT,
  message_id: NULLABLE_TEXT,
  parked_at: Type.String({ description: 'ISO 8601 with Z' }),
  times: Type.Integer({ description: 'How often these bytes were parked for this reason' }),
  size_bytes: Type.Integer(),
  origin: Type.Record(Type.String(), Type.Unknown()),
};

const PARKED_SCHEMA = Type.Object(SUMMARY_FIELDS, {
  additionalProperties: false,
  title: 'ParkedNotification',
});

const PARKED_BODY_SCHEMA = Type.Object(
  {
    ...SUMMARY_FIELDS,
    body: Type.Optional(Type.String({ description: 'The bytes as text, credentials overwritten' })),
    body_base64: Type.Optional(
      Type.String({ description: 'The bytes where they are no UTF-8, credentials overwritten' }),
    ),
  },
  { additionalProperties: false, title: 'ParkedNotificationBody' },
);

const listParked = defineRoute({
  method: 'GET',
  path: '/v1/parked',
  tag: 'parked',
  summary: 'Notifications that could not be processed, newest first.',
  parameters: { limit: LIMIT, code: textParameter('code', 'Only those parked for this error code.') },
  answer: Type.Array(PARKED_SCHEMA),
  handle: async ({ store, limits }, { query }) => {
    const filter = query.code === null ? {} : { code: query.code };
    const items = await boundedList(query.limit, limits, (limit) => store.parked({ ...filter, limit }));
    return { body: items.map(renderSummary) };
  },
});

const showParked = defineRoute({
  method: 'GET',
  path: '/v1/parked/:id',
  tag: 'parked',
  summary: 'One parked notification with its body.',
  answer: PARKED_BODY_SCHEMA,
  handle: async (context, { path }) => {
    const item = await findParked(context, path.id);
    return { body: { ...renderSummary(item), ...renderBody(item.body) } };
  },
});

const replayParked = defineRoute({
  method: 'POST',
  path: '/v1/parked/:id/replay',
  tag: 'parked',
  summary: 'Processes a parked notification again; it leaves the parking when that succeeds.',
  answer: Type.Object({
    id: Type.Integer(),
    outcome: Type.Union([Type.Literal('accepted'), Type.Literal('duplicate'), Type.Literal('parked')]),
  }),
  handle: async (context, { path, signal }) => {
    const item = await findParked(context, path.id);
    const [outcome = 'parked'] = await context.intake.take(
      [{ body: item.body, origin: item.origin }],
      signal,
    );
    if (await isDone(context, item, outcome)) await context.store.dropParked([item.id]);
    return { body: { id: item.id, outcome } };
  },
});

/** Parked again for another reason, it is another item: then this one is out of date. */
async function isDone(
  { store }: ApiContext,
  item: StoredParkedItem,
  outcome: MessageOutcome,
): Promise<boolean> {
  if (outcome !== 'parked') return true;
  const now = await store.parkedItem(item.id);
  return now !== null && now.times === item.times;
}

const dropParked = defineRoute({
  method: 'DELETE',
  path: '/v1/parked/:id',
  tag: 'parked',
  summary: 'Deletes a parked notification for good.',
  status: 204,
  handle: async ({ store }, { path }) => {
    const id = parkedId(path.id);
    if ((await store.dropParked([id])) === 0) throw notFound('Parked notification', String(id));
    return { status: 204 };
  },
});

async function findParked({ store }: ApiContext, text: string | undefined): Promise<StoredParkedItem> {
  const id = parkedId(text);
  const item = await store.parkedItem(id);
  if (item === null) throw notFound('Parked notification', String(id));
  return item;
}

function parkedId(text = ''): number {
  const id = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(id)) throw badValue('The identifier of a parked notification is a whole number');
  return id;
}

function renderSummary(item: StoredParkedItem) {
  return {
    id: item.id,
    code: item.code,
    reason: item.reason,
    event_type: item.eventType,
    message_id: item.messageId,
    parked_at: `${formatUtc(item.parkedMicros)}Z`,
    times: item.times,
    size_bytes: item.body.length,
    origin: item.origin,
  };
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function renderBody(body: Uint8Array) {
  try {
    return { body: maskSecrets(UTF_8.decode(body)) };
  } catch {
    // Latin-1 gives every byte one character and back, so keys and quotes are found all the same.
    const masked = maskSecrets(Buffer.from(body).toString('latin1'));
    return { body_base64: Buffer.from(masked, 'latin1').toString('base64') };
  }
}

/** `/v1/parked` and what can be done with its items. */
export const PARKED_ROUTES: readonly ApiRoute[] = [listParked, showParked, replayParked, dropParked];
