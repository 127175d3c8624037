import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { Sample } from '../../src/model/sample.ts';
import type { SampleField, SampleFilter, StoredMeter, StoredResource } from '../../src/store/query.ts';
import type { Store } from '../../src/store/store.ts';
import type { OpenForTest } from './store.ts';
import { filters } from './store-filters.ts';
import { type ModelSample, matches, parsedMetadata } from './store-model.ts';
import { DAY, HOUR, MINUTE, SECOND, START, sampleOf } from './store-records.ts';

const equals = (field: SampleField, value: string | number): SampleFilter => ({
  kind: 'compare',
  field,
  op: 'eq',
  value,
});
const since = (value: number): SampleFilter => ({ kind: 'compare', field: 'timestamp', op: 'ge', value });
const until = (value: number): SampleFilter => ({ kind: 'compare', field: 'timestamp', op: 'le', value });
const all = (...members: readonly SampleFilter[]): SampleFilter => ({ kind: 'and', members });

/** What is derived from many samples: meters and resources. */
export function storeSeriesContract(name: string, open: OpenForTest): void {
  test(`${name}: there is one meter per name, type, unit and resource, as the sample stored last says`, async (t) => {
    const { store } = await open(t);
    await store.recordSamples([
      sampleOf({ projectId: 'p1', timestampMicros: START + HOUR }),
      sampleOf({ unit: 'percent' }),
      sampleOf({ resourceId: 'r2', userId: null, source: 'hardware', name: 'hardware.cpu' }),
      // Older, but stored later.
      sampleOf({ projectId: 'p2' }),
    ]);
    const meter = (given: Partial<StoredMeter>): StoredMeter => ({
      name: 'cpu_util',
      type: 'gauge',
      unit: '%',
      resourceId: 'r1',
      userId: 'u1',
      projectId: 'p1',
      source: 'openstack',
      deployment: null,
      ...given,
    });
    const other = meter({ name: 'hardware.cpu', resourceId: 'r2', userId: null, source: 'hardware' });
    assert.deepEqual(await store.meters(undefined, undefined), [
      meter({ projectId: 'p2' }),
      meter({ unit: 'percent' }),
      other,
    ]);
    // T-03 of the original: the filter comes before the choice of the latest sample.
    assert.deepEqual(await store.meters(equals('projectId', 'p1'), undefined), [
      meter({}),
      meter({ unit: 'percent' }),
      other,
    ]);
    assert.deepEqual(await store.meters(equals('projectId', 'p2'), undefined), [meter({ projectId: 'p2' })]);
    assert.deepEqual(await store.meters(equals('resourceId', 'r2'), undefined), [other]);
    assert.deepEqual(await store.meters(since(START + MINUTE), undefined), [meter({})]);
    assert.deepEqual(await store.meters(equals('name', 'nope'), undefined), []);
    assert.equal((await store.meters(undefined, 2)).length, 2);
    assert.deepEqual(await store.meters(undefined, 0), []);
  });

  test(`${name}: a repeated sample does not become the one stored last`, async (t) => {
    const { store } = await open(t);
    const first = sampleOf({ projectId: 'p1' });
    await store.recordSamples([first, sampleOf({ projectId: 'p2', timestampMicros: START + 1 })]);
    await store.recordSamples([first]);
    assert.deepEqual(
      (await store.meters(undefined, undefined)).map(({ projectId }) => projectId),
      ['p2'],
    );
  });

  test(`${name}: a resource is described by its newest sample in the range`, async (t) => {
    const { store } = await open(t);
    await store.recordSamples([
      sampleOf({ name: 'b', timestampMicros: START + 2 * HOUR, projectId: 'p2', resourceMetadata: { n: 2 } }),
      sampleOf({ name: 'a', timestampMicros: START + HOUR, userId: null, resourceMetadata: { n: 1 } }),
      sampleOf({ name: 'a', unit: 'B', timestampMicros: START + 3 * HOUR, projectId: 'p3', source: 'x' }),
      sampleOf({ resourceId: 'r2', name: 'c', timestampMicros: START }),
    ]);
    const r1: StoredResource = {
      resourceId: 'r1',
      userId: 'u1',
      projectId: 'p3',
      source: 'x',
      deployment: null,
      firstSampleMicros: START + HOUR,
      lastSampleMicros: START + 3 * HOUR,
      metadataJson: '{}',
      meters: ['a', 'b'],
    };
    const r2 = { ...r1, resourceId: 'r2', projectId: 'p1', source: 'openstack', meters: ['c'] };
    const second = { ...r2, firstSampleMicros: START, lastSampleMicros: START };
    assert.deepEqual(await store.resources(undefined, undefined), [r1, second]);
    assert.deepEqual(await store.resources(undefined, 1), [r1]);
    assert.deepEqual(await store.resources(equals('resourceId', 'r2'), undefined), [second]);
    const early = {
      ...r1,
      projectId: 'p2',
      source: 'openstack',
      deployment: null,
      lastSampleMicros: START + 2 * HOUR,
      metadataJson: '{"n":2}',
    };
    assert.deepEqual(await store.resources(all(until(START + 2 * HOUR), since(START + 1)), undefined), [
      early,
    ]);
    const one = {
      ...early,
      userId: null,
      projectId: 'p1',
      lastSampleMicros: START + HOUR,
      metadataJson: '{"n":1}',
      meters: ['a'],
    };
    assert.deepEqual(await store.resources(all(until(START + HOUR), equals('resourceId', 'r1')), undefined), [
      one,
    ]);
    assert.deepEqual(await store.resources(equals('metadata.n', 1), undefined), [one]);
    assert.deepEqual(await store.resources(all(since(START + HOUR), equals('volume', 2)), undefined), []);
    assert.deepEqual(await store.resources(since(START + DAY), undefined), []);
  });

  test(`${name}: the limit counts resources that have samples in the range`, async (t) => {
    const { store } = await open(t);
    await store.recordSamples(
      Array.from({ length: 20 }, (_, n) =>
        sampleOf({ resourceId: `r${n}`, timestampMicros: START + (n % 2) * DAY }),
      ),
    );
    const found = await store.resources(since(START + HOUR), 3);
    assert.deepEqual(
      found.map(({ resourceId }) => resourceId),
      ['r1', 'r3', 'r5'],
    );
  });

  test(`${name}: meters and resources are right whatever came when, late or early, before and after a restart`, async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(steps, { minLength: 3, maxLength: 12 }),
        filters('series'),
        async (list, filter) => {
          const under = await open(t);
          const run = new Run();
          for (const step of list) await run.take(under, step);
          const { store } = under;
          const ranges = [
            since(START + 2 * HOUR),
            until(START + 3 * HOUR),
            all(since(START + HOUR), until(START + 4 * HOUR)),
          ];
          for (const timeless of [undefined, filter]) {
            await checkMeters(store, run.described(), timeless);
            await checkResources(store, run.samples, timeless);
          }
          for (const range of ranges.flatMap((each) => [each, all(each, filter)])) {
            await checkMeters(store, run.samples, range);
            await checkResources(store, run.samples, range);
          }
          await store.stop({ signal: AbortSignal.timeout(1_000), remainingMillis: () => 1_000 });
        },
      ),
      { numRuns: 40 },
    );
  });
}

type Step =
  | { readonly kind: 'record'; readonly samples: readonly Sample[] }
  | { readonly kind: 'wait'; readonly micros: number }
  | { readonly kind: 'expire'; readonly ttlSeconds: number }
  | { readonly kind: 'reopen' };

/** Few series with many samples each; their times lie around the clock, which moves by minutes: some late, some early. */
const seriesSamples: fc.Arbitrary<Sample> = fc
  .record({
    name: fc.constantFrom('cpu', 'mem'),
    resourceId: fc.constantFrom('r1', 'r2'),
    projectId: fc.constantFrom('a', 'a', 'a', 'b'),
    resourceMetadata: fc.constantFrom({}, {}, { a: 1 }),
    timestampMicros: fc.nat(300).map((n) => START + n * MINUTE),
    own: fc.boolean(),
    number: fc.nat(1_000),
  })
  .map(({ own, number, ...rest }) => sampleOf({ ...rest, ...(own ? {} : { id: `foreign-${number}` }) }));

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .array(seriesSamples, { minLength: 1, maxLength: 6 })
      .map((list) => ({ kind: 'record' as const, samples: list })),
  },
  { weight: 3, arbitrary: fc.nat(20).map((n) => ({ kind: 'wait' as const, micros: n * 5 * MINUTE })) },
  { weight: 1, arbitrary: fc.nat(24).map((n) => ({ kind: 'expire' as const, ttlSeconds: n * 600 })) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
);

class Run {
  /** Those that are there. */
  samples: ModelSample[] = [];
  readonly #recorded: ModelSample[] = [];
  #now = START;
  #order = 0;

  /**
   * Those that may describe a meter. One that expired still counts as stored last as long as another like it is there:
   * a store need not look back when a late sample goes.
   */
  described(): readonly ModelSample[] {
    const alive = new Set(this.samples.map(descriptionOf));
    return this.#recorded.filter((sample) => alive.has(descriptionOf(sample)));
  }

  async take(under: Awaited<ReturnType<OpenForTest>>, step: Step): Promise<void> {
    switch (step.kind) {
      case 'record': {
        const { duplicates } = await under.store.recordSamples(step.samples);
        step.samples.forEach((sample, index) => {
          this.#order += 1;
          if (!duplicates.includes(index)) this.samples.push({ ...sample, order: this.#order });
          if (!duplicates.includes(index)) this.#recorded.push({ ...sample, order: this.#order });
        });
        break;
      }
      case 'wait':
        this.#now += step.micros;
        under.setNow(this.#now);
        break;
      case 'expire': {
        const policy = { sampleTtlSeconds: step.ttlSeconds, eventTtlSeconds: null };
        await under.store.expire(policy, this.#now, new AbortController().signal);
        this.samples = this.samples.filter(
          ({ timestampMicros }) => timestampMicros >= this.#now - step.ttlSeconds * SECOND,
        );
        break;
      }
      case 'reopen':
        await under.reopen();
        break;
      default:
        step satisfies never;
    }
  }
}

/** What samples of one meter and resource have in common when they describe it alike. */
function descriptionOf({
  name,
  type,
  unit,
  resourceId,
  userId,
  projectId,
  source,
  deployment,
  resourceMetadata,
}: Sample): string {
  const who = [userId, projectId, source, deployment];
  return JSON.stringify([name, type, unit, resourceId, ...who, resourceMetadata]);
}

async function checkMeters(
  store: Store,
  samplesSoFar: readonly ModelSample[],
  filter: SampleFilter | undefined,
): Promise<void> {
  const latest = new Map<string, ModelSample>();
  for (const sample of samplesSoFar) {
    const key = JSON.stringify([sample.resourceId, sample.name, sample.type, sample.unit]);
    if (matches(sample, filter) && sample.order > (latest.get(key)?.order ?? -1)) latest.set(key, sample);
  }
  const expected = [...latest.values()].map(
    ({ name, type, unit, resourceId, userId, projectId, source, deployment }): StoredMeter => ({
      name,
      type,
      unit,
      resourceId,
      userId,
      projectId,
      source,
      deployment,
    }),
  );
  assert.deepEqual(sorted(await store.meters(filter, undefined)), sorted(expected));
}

async function checkResources(
  store: Store,
  samplesSoFar: readonly ModelSample[],
  filter: SampleFilter | undefined,
): Promise<void> {
  const found = await store.resources(filter, undefined);
  const groups = Map.groupBy(
    samplesSoFar.filter((sample) => matches(sample, filter)),
    ({ resourceId }) => resourceId,
  );
  assert.deepEqual(found.map(({ resourceId }) => resourceId).sort(), [...groups.keys()].sort());
  for (const resource of found) {
    const members = groups.get(resource.resourceId) ?? [];
    const times = members.map(({ timestampMicros }) => timestampMicros);
    const [first, last] = [Math.min(...times), Math.max(...times)];
    assert.deepEqual([resource.firstSampleMicros, resource.lastSampleMicros], [first, last]);
    const described = { ...resource, metadata: parsedMetadata(resource.metadataJson) };
    // Of several newest samples any may describe it.
    const allowed = members.filter(({ timestampMicros }) => timestampMicros === last);
    assert.ok(allowed.some((sample) => describes(described, sample)));
    assert.deepEqual([...resource.meters].sort(), [...new Set(members.map((sample) => sample.name))].sort());
    const appeared = resource.meters.map((meter) =>
      Math.min(
        ...members.filter((sample) => sample.name === meter).map(({ timestampMicros }) => timestampMicros),
      ),
    );
    assert.deepEqual(
      appeared,
      appeared.toSorted((a, b) => a - b),
    );
  }
}

function describes(resource: StoredResource & { readonly metadata: unknown }, sample: ModelSample): boolean {
  try {
    assert.deepEqual(
      [resource.userId, resource.projectId, resource.source, resource.metadata],
      [sample.userId, sample.projectId, sample.source, sample.resourceMetadata],
    );
    return true;
  } catch {
    return false;
  }
}

function sorted(meters: readonly StoredMeter[]): readonly StoredMeter[] {
  const key = ({ resourceId, name, type, unit }: StoredMeter): string =>
    JSON.stringify([resourceId, name, type, unit]);
  return meters.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}
