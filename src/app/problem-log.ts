import type { Notification } from '../model/notification.ts';
import type { Conversion } from '../notification/converter.ts';
import type { Logger } from '../observe/logger.ts';

/** The same problem of the same event type is logged this often at most; the metric counts every one. */
const REPEAT_MILLIS = 60_000;
const MAX_REMEMBERED = 1_000;

/** Logs what was left out of a notification, once per (event type, code) and minute. */
export function createProblemLog(
  logger: Logger,
  nowMillis: () => number = () => performance.now(),
): (problem: Conversion['problems'][number], notification: Notification) => void {
  const last = new Map<string, number>();
  return ({ code, message }, { eventType, messageId }) => {
    const key = `${eventType}\0${code}`;
    const now = nowMillis();
    if (now - (last.get(key) ?? Number.NEGATIVE_INFINITY) < REPEAT_MILLIS) return;
    if (last.size >= MAX_REMEMBERED) last.clear();
    last.set(key, now);
    logger.warn({ code, eventType, messageId, detail: message }, 'Part of a notification was left out');
  };
}
