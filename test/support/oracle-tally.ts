import assert from 'node:assert/strict';

/** What an oracle says about one sink and one kind of records. */
interface Verdict {
  readonly sent: number;
  readonly lost: number;
  /** Numbers that were never sent, or content that does not belong to its number. */
  readonly unexpected: number;
  /** How often something came that had come before. */
  readonly repeated: number;
}

/** Counts which of the numbered records have come, and how often. */
export class Tally {
  readonly #seen = new Set<number>();
  #repeated = 0;
  #strange = 0;

  /** A sample or event as JSON of any publisher or of the API. */
  add(record: unknown): void {
    const number = numberOf(record);
    if (number === null) this.#strange++;
    else if (this.#seen.has(number)) this.#repeated++;
    else this.#seen.add(number);
  }

  /** How many different ones have come. */
  get arrived(): number {
    return this.#seen.size;
  }

  verdict(sent: number): Verdict {
    const known = [...this.#seen].filter((number) => number < sent).length;
    const unexpected = this.#strange + this.#seen.size - known;
    return { sent, lost: sent - known, unexpected, repeated: this.#repeated };
  }

  /** Asserts that all came at least once, and nothing else; gives the verdict. */
  assertAll(sent: number): Verdict {
    const verdict = this.verdict(sent);
    assert.deepEqual(verdict, { sent, lost: 0, unexpected: 0, repeated: verdict.repeated });
    return verdict;
  }

  /** Asserts that all came exactly once. */
  assertExactlyOnce(sent: number): Verdict {
    const verdict = this.verdict(sent);
    assert.deepEqual(verdict, { sent, lost: 0, unexpected: 0, repeated: 0 });
    return verdict;
  }
}

/** Names of the same fields in the forms in which samples and events travel. */
interface AnyRecord {
  readonly resource_id?: string;
  readonly volume?: number;
  readonly counter_volume?: number;
  readonly message_id?: string;
  readonly traits?: readonly (
    | readonly [string, number, number]
    | { readonly name: string; readonly value: unknown }
  )[];
}

/** Null unless identity and content agree. */
function numberOf(value: unknown): number | null {
  const record = value as AnyRecord;
  if (record.traits === undefined) {
    const number = Number(record.resource_id?.slice('resource-'.length));
    return number === (record.volume ?? record.counter_volume) ? number : null;
  }
  const number = Number(record.message_id?.slice(-12));
  const traits = record.traits.map((trait) =>
    'name' in trait ? [trait.name, trait.value] : [trait[0], trait[2]],
  );
  const found = traits.find(([name]) => name === 'number')?.[1];
  return number === Number(found) ? number : null;
}
