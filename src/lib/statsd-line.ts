import { parseDecimal } from './statsd-number.ts';

/** What a line says of its value; `h` and `d` of DogStatsD are both `histogram`: timers whose unit nobody knows. */
export const STATSD_KIND = { counter: 0, gauge: 1, set: 2, timer: 3, histogram: 4 } as const;
export type StatsdKind = (typeof STATSD_KIND)[keyof typeof STATSD_KIND];

/**
 * Why a line was refused; it is refused as a whole.
 *
 * `no_value`: a name and nothing else (the reference daemon counts 1; here stray text must not become meters) ·
 * `no_type` · `unknown_type` (the reference daemon makes it a counter) · `bad_value`: no number, or a negative time ·
 * `bad_rate`: not above 0 and up to 1 (the reference daemon lets 0 through and gets infinity) · `bad_name`: nothing
 * is left of it · `too_long` · `not_supported`: an event `_e{…}` or a service check `_sc|…` of DogStatsD.
 */
export const STATSD_PROBLEMS = [
  'no_value',
  'no_type',
  'unknown_type',
  'bad_value',
  'bad_rate',
  'bad_name',
  'too_long',
  'not_supported',
] as const;
export type StatsdProblem = (typeof STATSD_PROBLEMS)[number];

/** Bytes of name and tags together; what is longer is an attack on the memory rather than a name. */
const MAX_IDENTITY_BYTES = 1024;

const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
const BLANK = 0x20;
const HASH = 0x23;
const PLUS = 0x2b;
const MINUS = 0x2d;
const COLON = 0x3a;
const AT = 0x40;
const UNDERSCORE = 0x5f;
const OPENING_BRACE = 0x7b;
const BAR = 0x7c;
const LETTER = { c: 0x63, d: 0x64, e: 0x65, g: 0x67, h: 0x68, m: 0x6d, s: 0x73 } as const;

/**
 * Reads lines of the statsd protocol from bytes, and keeps what the last line said until the next one: nothing is made
 * anew for a line, so a hundred thousand of them a second leave little to collect.
 *
 *     line = name { ":" value { ":" value } "|" type { "|" section } }
 *     section = "@" rate | "#" tags | anything else of a newer protocol, ignored and counted
 *
 * Sections come in any order. A second group of values may follow the type or the rate (`x:1|c:2|c`, the reference
 * daemon) and several values one colon list (`x:1:2|ms`, DogStatsD 1.1). The value of a set may hold colons. A rate
 * applies to its own group; on gauges and sets it means nothing. Source: the stats.js of the reference daemon and the
 * vendor's page on DogStatsD. Not for overlapping use: one parser for each receiver.
 */
export class StatsdLineParser {
  /** The name, with tags inside it in the dialects that do so, lies in the bytes from here … */
  nameStart = 0;
  /** … up to, not including, here. */
  nameEnd = 0;
  /** The tags behind `#`; both 0 when there are none. */
  tagsStart = 0;
  tagsEnd = 0;
  /** How many values the line has. The lists below hold that many; what lies beyond is left of earlier lines. */
  count = 0;
  readonly kinds: StatsdKind[] = [];
  /** NaN for a set. */
  readonly values: number[] = [];
  readonly rates: number[] = [];
  /** Whether the value was written with a sign, which a gauge may take for "change by". */
  readonly signed: boolean[] = [];
  /** Where the text of the value lies, for sets. */
  readonly valueStarts: number[] = [];
  readonly valueEnds: number[] = [];
  /** Sections no one here knows, since the parser was made. */
  ignoredSections = 0;

  #bytes: Uint8Array = new Uint8Array(0);
  #end = 0;
  #rate = 1;

  /** Reads the line from `start` up to, not including, `end`, without its line feed. Null when it is good. Never throws. */
  parse(bytes: Uint8Array, start: number, end: number): StatsdProblem | null {
    this.#bytes = bytes;
    this.count = 0;
    this.tagsStart = 0;
    this.tagsEnd = 0;
    this.#trim(start, end);
    if (this.#isEventOrCheck()) return 'not_supported';
    const colon = this.#find(this.nameStart, COLON, BAR);
    if (colon === this.#end || bytes[colon] === BAR) return 'no_value';
    if (colon === this.nameStart) return 'bad_name';
    this.nameEnd = colon;
    let next = colon;
    while (next < this.#end && bytes[next] === COLON) {
      const problem = this.#readGroup(next + 1);
      if (problem !== null) return problem;
      next = this.#next;
    }
    const length = this.nameEnd - this.nameStart + this.tagsEnd - this.tagsStart;
    return length > MAX_IDENTITY_BYTES ? 'too_long' : null;
  }

  /** Where the group that was read ends: at the end, or at the colon before the next one. */
  #next = 0;

  #trim(start: number, end: number): void {
    const bytes = this.#bytes;
    let from = start;
    let to = end;
    while (to > from && isBlank(bytes[to - 1])) to--;
    while (from < to && isBlank(bytes[from])) from++;
    this.nameStart = from;
    this.#end = to;
  }

  #isEventOrCheck(): boolean {
    const bytes = this.#bytes;
    const at = this.nameStart;
    if (bytes[at] !== UNDERSCORE || this.#end - at < 3) return false;
    if (bytes[at + 1] === LETTER.e) return bytes[at + 2] === OPENING_BRACE;
    if (bytes[at + 1] !== LETTER.s || bytes[at + 2] !== LETTER.c) return false;
    return this.#end - at > 3 && bytes[at + 3] === BAR;
  }

  /** The next place of one of two bytes, or the end. */
  #find(from: number, one: number, other: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = from;
    while (at < end && bytes[at] !== one && bytes[at] !== other) at++;
    return at;
  }

  /** `value:value|type|section|section`, from behind the colon. */
  #readGroup(valueStart: number): StatsdProblem | null {
    const bar = this.#find(valueStart, BAR, BAR);
    if (bar === this.#end) return 'no_type';
    const typeEnd = this.#find(bar + 1, BAR, COLON);
    const kind = kindOf(this.#bytes, bar + 1, typeEnd);
    if (kind === null) return typeEnd === bar + 1 ? 'no_type' : 'unknown_type';
    const first = this.count;
    const problem = this.#readValues(kind, valueStart, bar) ?? this.#readSections(typeEnd);
    for (let index = first; index < this.count; index++) this.rates[index] = this.#rate;
    return problem;
  }

  #readValues(kind: StatsdKind, start: number, end: number): StatsdProblem | null {
    if (kind === STATSD_KIND.set) {
      this.#add(kind, Number.NaN, start, end);
      return start === end ? 'bad_value' : null;
    }
    for (let from = start; from <= end; ) {
      const to = Math.min(end, this.#find(from, COLON, BAR));
      const value = parseDecimal(this.#bytes, from, to);
      if (Number.isNaN(value) || (value < 0 && kind === STATSD_KIND.timer)) return 'bad_value';
      this.#add(kind, value, from, to);
      from = to + 1;
    }
    return null;
  }

  #add(kind: StatsdKind, value: number, start: number, end: number): void {
    const index = this.count++;
    const sign = this.#bytes[start];
    this.kinds[index] = kind;
    this.values[index] = value;
    this.signed[index] = sign === PLUS || sign === MINUS;
    this.valueStarts[index] = start;
    this.valueEnds[index] = end;
  }

  #readSections(from: number): StatsdProblem | null {
    const bytes = this.#bytes;
    this.#rate = 1;
    let at = from;
    while (at < this.#end && bytes[at] === BAR) {
      const start = at + 1;
      const mark = start < this.#end ? bytes[start] : undefined;
      // Only behind a rate may a colon begin the next group; tags and unknown sections hold colons of their own.
      at = mark === AT ? this.#find(start, BAR, COLON) : this.#find(start, BAR, BAR);
      if (mark === AT && !this.#readRate(start + 1, at)) return 'bad_rate';
      else if (mark === HASH) this.#keepTags(start + 1, at);
      else if (mark !== AT) this.ignoredSections++;
    }
    this.#next = at;
    return null;
  }

  #readRate(start: number, end: number): boolean {
    this.#rate = parseDecimal(this.#bytes, start, end);
    return this.#rate > 0 && this.#rate <= 1;
  }

  #keepTags(start: number, end: number): void {
    this.tagsStart = start;
    this.tagsEnd = end;
  }
}

function isBlank(byte: number | undefined): boolean {
  return byte === BLANK || byte === CARRIAGE_RETURN || byte === TAB;
}

function kindOf(bytes: Uint8Array, start: number, end: number): StatsdKind | null {
  const first = bytes[start];
  if (end - start === 2)
    return first === LETTER.m && bytes[start + 1] === LETTER.s ? STATSD_KIND.timer : null;
  if (end - start !== 1) return null;
  switch (first) {
    case LETTER.c:
      return STATSD_KIND.counter;
    case LETTER.g:
      return STATSD_KIND.gauge;
    case LETTER.s:
      return STATSD_KIND.set;
    case LETTER.h:
    case LETTER.d:
      return STATSD_KIND.histogram;
    default:
      return null;
  }
}
