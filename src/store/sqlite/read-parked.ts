import type { ParkedOrigin, StoredParkedItem } from '../store.ts';
import type { Row } from './database.ts';
import type { ReadContext } from './read-context.ts';

const COLUMNS = 'id, code, reason, origin, body, parked, message_id, event_type, times';

/** Parked items, newest first. */
export function readParked(
  context: ReadContext,
  query: { readonly code?: string; readonly limit?: number },
): readonly StoredParkedItem[] {
  return context
    .all(
      `SELECT ${COLUMNS} FROM parked WHERE ?1 IS NULL OR code = ?1 ORDER BY parked DESC, id DESC LIMIT ?2`,
      [query.code ?? null, query.limit ?? -1],
    )
    .map(toItem);
}

/** The parked item with this number, or null. */
export function readParkedItem(context: ReadContext, id: number): StoredParkedItem | null {
  const row = context.first(`SELECT ${COLUMNS} FROM parked WHERE id = ?`, [id]);
  return row === undefined ? null : toItem(row);
}

/** How many items are parked. */
export function readParkedCount(context: ReadContext): number {
  return Number(context.first('SELECT count(*) FROM parked')?.[0] ?? 0);
}

function toItem(row: Row): StoredParkedItem {
  const [id, code, reason, origin, body, parked, messageId, eventType, times] = row;
  return {
    id: Number(id),
    code: String(code),
    reason: String(reason),
    origin: JSON.parse(String(origin)) as ParkedOrigin,
    body: body as Uint8Array,
    parkedMicros: Number(parked),
    messageId: messageId as string | null,
    eventType: eventType as string | null,
    times: Number(times),
  };
}
