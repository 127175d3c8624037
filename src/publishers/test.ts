import type { Event } from '../model/event.ts';
import type { Sample } from '../model/sample.ts';
import type { Publisher, PublisherDefinition } from './publisher.ts';

/** What one `test://` URL was given last. */
export interface KeptItems {
  readonly samples: readonly Sample[];
  readonly events: readonly Event[];
  /** How many batches came. */
  readonly calls: number;
}

interface Kept {
  samples: Sample[];
  events: Event[];
  calls: number;
}

/** Of each URL the last items are kept, so that one left in a pipeline file does no harm. */
const MAX_ITEMS = 10_000;
const MAX_URLS = 64;
const keptByUrl = new Map<string, Kept>();

export const TEST_PUBLISHER: PublisherDefinition = {
  schemes: ['test'],
  summary:
    'Keeps the last 10,000 items in memory and sends them nowhere. For trying out pipelines, and for tests.',
  form: 'test://[NAME]',
  examples: ['test://'],
  parameters: [],
  samples: (url, { name }) => keeper(name, url.shown, 'samples'),
  events: (url, { name }) => keeper(name, url.shown, 'events'),
};

/** What publishers of this URL (without query) were given in this process; nothing for an unknown one. */
export function keptItems(url: string): KeptItems {
  return keptByUrl.get(url) ?? { samples: [], events: [], calls: 0 };
}

function keeper<Kind extends 'samples' | 'events'>(
  name: string,
  url: string,
  kind: Kind,
): Publisher<Kept[Kind][number]> {
  let isRunning = false;
  return {
    name,
    start: async () => {
      isRunning = true;
    },
    stop: async () => {
      isRunning = false;
    },
    status: () => (isRunning ? { state: 'ok' } : { state: 'stopped', reason: 'It was not started' }),
    publish: async (items) => {
      const kept = keptFor(url);
      const list = kept[kind] as Kept[Kind][number][];
      list.push(...items);
      if (list.length > MAX_ITEMS) list.splice(0, list.length - MAX_ITEMS);
      kept.calls++;
      return { accepted: items.length, duplicates: [], rejected: [] };
    },
  };
}

function keptFor(url: string): Kept {
  const known = keptByUrl.get(url);
  if (known !== undefined) return known;
  const [oldest] = keptByUrl.keys();
  if (oldest !== undefined && keptByUrl.size >= MAX_URLS) keptByUrl.delete(oldest);
  const kept: Kept = { samples: [], events: [], calls: 0 };
  keptByUrl.set(url, kept);
  return kept;
}
