/** One tag; true when it has a name only. */
export type StatsdTag = readonly [name: string, value: string | true];

/** What a line measures. Tags are sorted by name, each name once: the last one that was written. */
export interface StatsdIdentity {
  readonly name: string;
  readonly tags: readonly StatsdTag[];
}

/**
 * Reads the name of a line, with the tags some dialects write inside it, and the tags behind `#`:
 *
 *     name;k=v;k=v   Graphite     name,k=v,k=v  Influx     name#k=v,k=v  Librato     name[k=v,k=v]  SignalFx
 *     #k:v,k:v,bare  DogStatsD, behind the value
 *
 * A mark in the name begins tags only when each of them has a `=`; else it is a letter that no meter name holds, and
 * is left out. Letters are replaced as the reference daemon does: blanks by `_`, `/` by `-`, all others outside of
 * `A-Z a-z 0-9 _ . -` are left out. Null when nothing is left of the name. Pure, never throws.
 */
export function readStatsdIdentity(nameText: string, tagsText: string): StatsdIdentity | null {
  const { bare, tags } = splitDialect(nameText);
  const name = cleanName(bare);
  if (name === '') return null;
  for (const tag of tagsText.split(',')) {
    if (tag !== '') tags.push(splitTag(tag, ':'));
  }
  return { name, tags: sorted(tags) };
}

/** Tags as one text that differs for different lists of tags; empty for none. */
export function statsdTagsKey(tags: readonly StatsdTag[]): string {
  return tags.length === 0 ? '' : JSON.stringify(tags);
}

interface DialectName {
  readonly bare: string;
  readonly tags: StatsdTag[];
}

const SEPARATORS: Readonly<Record<string, string>> = { ';': ';', ',': ',', '#': ',', '[': ',' };

function splitDialect(text: string): DialectName {
  const at = text.search(/[;,#[]/);
  if (at < 0) return { bare: text, tags: [] };
  const mark = text.charAt(at);
  const end = mark === '[' ? text.indexOf(']', at) : text.length;
  const inside = text.slice(at + 1, end < 0 ? at + 1 : end);
  const parts = inside.split(SEPARATORS[mark] ?? ',').filter((part) => part !== '');
  if (parts.length === 0 || !parts.every((part) => part.indexOf('=') > 0)) return { bare: text, tags: [] };
  const rest = mark === '[' ? text.slice(end + 1) : '';
  return { bare: text.slice(0, at) + rest, tags: parts.map((part) => splitTag(part, '=')) };
}

function splitTag(text: string, separator: string): StatsdTag {
  const at = text.indexOf(separator);
  if (at <= 0) return [text, true];
  return [text.slice(0, at), text.slice(at + 1)];
}

function cleanName(text: string): string {
  return text
    .replace(/\s+/g, '_')
    .replaceAll('/', '-')
    .replace(/[^A-Za-z0-9_.-]/g, '');
}

function sorted(tags: readonly StatsdTag[]): readonly StatsdTag[] {
  if (tags.length < 2) return tags;
  const last = new Map(tags);
  return [...last].sort(([a], [b]) => (a < b ? -1 : 1));
}
