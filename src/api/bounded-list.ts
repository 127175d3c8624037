import { ApiError } from './errors.ts';
import type { ApiLimits } from './route.ts';

/**
 * Asks for a list with the limit of the request, and refuses an answer that would hold more than the server's own
 * bound: one item more than the bound is asked for, so a limit of a billion is fine while there is little to give.
 * Throws an `ApiError` (400).
 */
export async function boundedList<Item>(
  asked: number | null,
  limits: ApiLimits,
  read: (limit: number) => Promise<readonly Item[]>,
): Promise<readonly Item[]> {
  const limit = Math.min(asked ?? limits.defaultReturnLimit, limits.maximumReturnItems + 1);
  return refuseTooMany(await read(limit), limits);
}

/** The list itself, unless it holds more than one answer may. Throws an `ApiError` (400). */
export function refuseTooMany<Item>(items: readonly Item[], limits: ApiLimits): readonly Item[] {
  if (items.length <= limits.maximumReturnItems) return items;
  throw new ApiError(400, 'E4007', `The answer would hold more than ${limits.maximumReturnItems} items`);
}
