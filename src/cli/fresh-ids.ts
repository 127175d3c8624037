import { randomUUID } from 'node:crypto';

/**
 * The text of a notification (envelope or bare message) with new values for `message_id` and `_unique_id`, so that it
 * counts as another one; every other character stays. An id that the message does not have, or that is written with
 * escapes, is left as it is. Pure but for chance. Text that is no notification comes back unchanged.
 */
export function withFreshIds(body: string): string {
  const message = innerMessage(body);
  if (message === null) return body;
  const renewed = replaceId(body, 'message_id', message['message_id'], randomUUID());
  return replaceId(renewed, '_unique_id', message['_unique_id'], randomUUID().replaceAll('-', ''));
}

/** The top-level fields of the message, since a payload may have fields of the same names. */
function innerMessage(body: string): Record<string, unknown> | null {
  const outer = tryParseObject(body);
  const inner = outer?.['oslo.message'];
  return typeof inner === 'string' ? tryParseObject(inner) : outer;
}

function tryParseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

/** How far before its value the name of a field may stand. */
const NAME_DISTANCE = 40;

/** Inside an envelope the quotes have a backslash before them; the first group is what stands before each quote. */
const NAMES = {
  message_id: /(\\?)"message_id\1"\s*:\s*\1"$/,
  _unique_id: /(\\?)"_unique_id\1"\s*:\s*\1"$/,
} as const;

function replaceId(body: string, name: keyof typeof NAMES, old: unknown, fresh: string): string {
  // What is written with escapes cannot be found as it is.
  if (typeof old !== 'string' || old === '' || JSON.stringify(old) !== `"${old}"`) return body;
  let renewed = '';
  let kept = 0;
  for (let at = body.indexOf(old); at >= 0; at = body.indexOf(old, at + 1)) {
    const end = at + old.length;
    const before = NAMES[name].exec(body.slice(Math.max(0, at - NAME_DISTANCE), at));
    if (before === null || !body.startsWith(`${before[1]}"`, end)) continue;
    renewed += `${body.slice(kept, at)}${fresh}`;
    kept = end;
  }
  return renewed + body.slice(kept);
}
