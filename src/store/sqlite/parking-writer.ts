import { createHash } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { ParkedItem } from '../store.ts';

/** Writes parked items. Only inside a write transaction. */
export class ParkingWriter {
  readonly #upsert: StatementSync;
  readonly #delete: StatementSync;

  constructor(database: DatabaseSync) {
    this.#upsert = database.prepare(`
      INSERT INTO parked (digest, code, reason, origin, body, parked, message_id, event_type, times)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)
      ON CONFLICT (digest) DO UPDATE SET
        times = times + 1, parked = excluded.parked, reason = excluded.reason, origin = excluded.origin`);
    this.#delete = database.prepare('DELETE FROM parked WHERE id = ?');
  }

  park(items: readonly ParkedItem[]): void {
    for (const item of items) {
      this.#upsert.run(
        digest(item),
        item.code,
        item.reason,
        JSON.stringify(item.origin),
        item.body,
        item.parkedMicros,
        item.messageId,
        item.eventType,
      );
    }
  }

  drop(ids: readonly number[]): number {
    return ids.reduce((dropped, id) => dropped + Number(this.#delete.run(id).changes), 0);
  }
}

/** What makes two parked items one: the code and the bytes. */
function digest({ code, body }: ParkedItem): Uint8Array {
  return createHash('sha256').update(code).update('\0').update(body).digest();
}
