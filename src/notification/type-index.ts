/** Event types remembered at most; a cloud has some hundred. */
const maximumTypes = 4096;
/** Longer names are looked up each time: what is remembered stays small whatever senders invent. */
const maximumNameLength = 255;

/**
 * Remembers what `find` gives for an event type, so that patterns are matched once per type and not once per
 * notification. Bounded: when it is full it starts anew. `find` must be pure.
 */
export function createTypeIndex<Found>(find: (eventType: string) => Found): (eventType: string) => Found {
  const known = new Map<string, { readonly found: Found }>();
  return (eventType) => {
    const entry = known.get(eventType);
    if (entry !== undefined) return entry.found;
    const found = find(eventType);
    if (eventType.length <= maximumNameLength) {
      if (known.size >= maximumTypes) known.clear();
      known.set(eventType, { found });
    }
    return found;
  };
}
