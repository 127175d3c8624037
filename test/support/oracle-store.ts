import assert from 'node:assert/strict';

/** What the API counts of one meter: these figures agree with `eachOnce` only when every number is there once. */
export interface StoredSamples {
  readonly count: number;
  readonly resources: number;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
}

/** The figures when each number from 0 up to, not including, `count` is the volume of one sample of its own resource. */
export function eachOnce(count: number): StoredSamples {
  return { count, resources: count, min: 0, max: count - 1, sum: (count * (count - 1)) / 2 };
}

const FUNCTIONS = ['cardinality&aggregate.param=resource_id', 'count', 'min', 'max', 'sum'];

/** Asks the API at `url` about the samples of `meter`. */
export async function storedSamples(url: string, meter: string): Promise<StoredSamples> {
  const query = FUNCTIONS.map((name) => `aggregate.func=${name}`).join('&');
  const [{ count, min, max, sum, aggregate }] = await getJson<
    [Omit<StoredSamples, 'resources'> & { readonly aggregate: Readonly<Record<string, number>> }]
  >(`${url}/v2/meters/${meter}/statistics?${query}`);
  return { count, resources: aggregate['cardinality/resource_id'] ?? Number.NaN, min, max, sum };
}

/** The answer of the API as JSON; anything but 200 fails. */
export async function getJson<Value>(url: string): Promise<Value> {
  const response = await fetch(url);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
}
