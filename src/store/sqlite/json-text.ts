import { MAX_JSON_DEPTH, stringifyExact } from '../../lib/exact-json.ts';
import type { JsonValue } from '../../model/json.ts';

/**
 * Compact JSON text of a value with every number as it was written, as `stringifyExact` gives it; but negative zero is
 * zero, as the original has it. Takes a third of the time where nothing needs the exact form, which is nearly always.
 * Nothing of this text may be stored before `refuseDeepText` had a look at it.
 */
export function toJsonText(value: JsonValue): string {
  const text = tryBuiltIn(value);
  // A number token would come out as a mapping with this one key.
  if (text === undefined || text.includes('{"value":')) return stringifyExact(value);
  return text;
}

function tryBuiltIn(value: JsonValue): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    // It refuses long integers, and what is nested too deeply for the stack.
    return undefined;
  }
}

/** Throws RangeError for JSON text that `parseExact` would not read again: the built-in writer has no such limit. */
export function refuseDeepText(text: string): void {
  if (isTooDeep(text)) throw new RangeError(`The document is nested deeper than ${MAX_JSON_DEPTH} levels`);
}

/** Deep text is long text. */
function isTooDeep(text: string): boolean {
  if (text.length < 2 * MAX_JSON_DEPTH) return false;
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit === 0x22) quoted = !quoted;
    else if (unit === 0x5c) index += 1;
    else if (!quoted && (unit === 0x7b || unit === 0x5b)) {
      depth += 1;
      if (depth > MAX_JSON_DEPTH) return true;
    } else if (!quoted && (unit === 0x7d || unit === 0x5d)) depth -= 1;
  }
  return false;
}
