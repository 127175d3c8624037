import { STATSD_KIND, type StatsdKind, type StatsdLineParser } from '../lib/statsd-line.ts';
import { readStatsdIdentity, type StatsdIdentity, statsdTagsKey } from '../lib/statsd-name.ts';
import type { Series } from './statsd-series.ts';

/** A series and what its samples have in common. */
export interface SeriesEntry {
  readonly identity: StatsdIdentity;
  /** Tells it apart from the others of its sender; part of the identity of its samples. */
  readonly tagsKey: string;
  readonly series: Series;
  /** When something came last, in microseconds since the epoch, to the nearest flush. */
  lastFreshMicros: number;
}

/** What keeps a line from its series. */
type Refusal = 'bad_name' | 'too_many_series' | 'type_conflict';

/** Makes the series for a name that is new; null when there is no room for one more. */
type Create = (kind: StatsdKind, identity: StatsdIdentity) => Series | null;

/** Other spellings of known names (tags in another order) are remembered up to this number, then found out anew. */
const MAX_ALIASES = 50_000;

/**
 * The series of one sender. A name belongs to one type until its last series is idle: a counter and a gauge of the same
 * name would become one meter with two meanings.
 */
export class SourceTable {
  readonly entries = new Map<string, SeriesEntry>();
  /** By the bytes of the name and of the tags, as they are written: the way of nearly every line. */
  readonly #spellings = new Map<string, Map<string, SeriesEntry>>();
  readonly #kinds = new Map<string, { readonly kind: StatsdKind; count: number }>();
  #aliases = 0;

  /** The series of the line in `parser` for values of `kind`, or why there is none. */
  find(parser: StatsdLineParser, bytes: Buffer, kind: StatsdKind, create: Create): SeriesEntry | Refusal {
    const name = bytes.toString('latin1', parser.nameStart, parser.nameEnd);
    const tags =
      parser.tagsEnd === parser.tagsStart ? '' : bytes.toString('latin1', parser.tagsStart, parser.tagsEnd);
    const known = this.#spellings.get(name)?.get(tags);
    if (known === undefined) return this.#meet(parser, bytes, kind, create, name, tags);
    return isSame(known.series.kind, kind) ? known : 'type_conflict';
  }

  /** Forgets a series; its name is free for another type when it was the last one. */
  remove(key: string, entry: SeriesEntry): void {
    this.entries.delete(key);
    entry.series.drop();
    this.#spellings.clear();
    this.#aliases = 0;
    const { name } = entry.identity;
    const use = this.#kinds.get(name);
    if (use !== undefined && --use.count === 0) this.#kinds.delete(name);
  }

  #meet(
    parser: StatsdLineParser,
    bytes: Buffer,
    kind: StatsdKind,
    create: Create,
    name: string,
    tags: string,
  ): SeriesEntry | Refusal {
    const identity = readStatsdIdentity(
      bytes.toString('utf8', parser.nameStart, parser.nameEnd),
      bytes.toString('utf8', parser.tagsStart, parser.tagsEnd),
    );
    if (identity === null) return 'bad_name';
    const entry = this.#entryOf(identity, kind, create);
    if (typeof entry !== 'string') this.#remember(name, tags, entry);
    return entry;
  }

  #entryOf(identity: StatsdIdentity, kind: StatsdKind, create: Create): SeriesEntry | Refusal {
    const use = this.#kinds.get(identity.name);
    if (use !== undefined && !isSame(use.kind, kind)) return 'type_conflict';
    const tagsKey = statsdTagsKey(identity.tags);
    const key = `${identity.name}\0${tagsKey}`;
    const known = this.entries.get(key);
    if (known !== undefined) return known;
    const series = create(kind, identity);
    if (series === null) return 'too_many_series';
    const entry = { identity, tagsKey, series, lastFreshMicros: 0 };
    this.entries.set(key, entry);
    if (use === undefined) this.#kinds.set(identity.name, { kind, count: 1 });
    else use.count++;
    return entry;
  }

  #remember(name: string, tags: string, entry: SeriesEntry): void {
    if (++this.#aliases > MAX_ALIASES) {
      this.#spellings.clear();
      this.#aliases = 1;
    }
    const byTags = this.#spellings.get(name);
    if (byTags === undefined) this.#spellings.set(name, new Map([[tags, entry]]));
    else byTags.set(tags, entry);
  }
}

/** A timer and a histogram of one name are one series; its unit is that of the first value. */
function isSame(one: StatsdKind, other: StatsdKind): boolean {
  return one === other || (isTimed(one) && isTimed(other));
}

function isTimed(kind: StatsdKind): boolean {
  return kind === STATSD_KIND.timer || kind === STATSD_KIND.histogram;
}
