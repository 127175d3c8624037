import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Type } from '@sinclair/typebox';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { apiRoutes } from '../src/api/routes.ts';
import { differences, type OwnAnswer } from './api-v2/compare-answers.ts';
import { BETTER_ELSEWHERE, DELIBERATE, leftOut } from './api-v2/exceptions.ts';
import { loadRecordedData } from './api-v2/load-data.ts';
import { openTemporaryStore } from './api-v2/open-store.ts';
import { hasRecordedData, type RecordedCase, recordedCases } from './api-v2/recorded-cases.ts';
import { runApi } from './api-v2/running-api.ts';

/*
 * The telemetry API against the recorded answers of the original: same data, same questions, same answers, except
 * where an answer of the original is a known defect and a better one is recorded.
 */

const skip = hasRecordedData() ? false : 'the recorded answers are not there (../shared/data/api-v2)';

describe('the telemetry API answers like the original', { skip }, () => {
  const resources = new AsyncDisposableStack();
  const cases = skip === false ? recordedCases() : [];
  const asked = cases.filter((recorded) => leftOut(recorded) === null);
  let address = '';

  before(async () => {
    const { store } = resources.use(await openTemporaryStore());
    await loadRecordedData(store);
    ({ address } = resources.use(await runApi(store)));
  });
  after(() => resources.disposeAsync());

  for (const [group, members] of Map.groupBy(asked, (recorded) => recorded.group)) {
    test(`${group}: ${members.length} questions`, async () => {
      const failures: string[] = [];
      for (const recorded of members) {
        const found = await check(address, withBetterAnswer(recorded, cases));
        if (found.length > 0) failures.push([describeCase(recorded), ...found].join('\n    '));
      }
      assert.equal(failures.length, 0, `${failures.length} answers differ\n  ${failures.join('\n  ')}`);
    });
  }

  test('every case is asked, or left out for a named reason', (context) => {
    const reasons = Map.groupBy(cases, (recorded) => leftOut(recorded) ?? 'asked');
    for (const [reason, members] of reasons) context.diagnostic(`${members.length} cases: ${reason}`);
    context.diagnostic(`${Object.keys(DELIBERATE).length} of those asked are answered otherwise on purpose`);
    assert.equal(cases.length, 580);
    assert.equal(asked.length, 410);
    const known = new Set(asked.map(({ id }) => id));
    assert.deepEqual(
      Object.keys(DELIBERATE).filter((id) => !known.has(id)),
      [],
    );
  });
});

function describeCase({ id, path, query = [], defect }: RecordedCase): string {
  const parameters = query.map(([name, value]) => `${name}=${value}`).join('&');
  return `${id}${defect === undefined ? '' : ` (${defect})`} ${path}?${parameters}`;
}

function withBetterAnswer(recorded: RecordedCase, cases: readonly RecordedCase[]): RecordedCase {
  const other = cases.find(({ id }) => id === BETTER_ELSEWHERE[recorded.id]);
  return other?.better === undefined ? recorded : { ...recorded, better: other.better };
}

/** What is wrong with our answer, one line each. */
async function check(address: string, recorded: RecordedCase): Promise<readonly string[]> {
  const deliberate = DELIBERATE[recorded.id];
  if (deliberate !== undefined) {
    const own = await ask(address, recorded);
    return own.status === deliberate.status ? [] : [`status ${own.status} instead of ${deliberate.status}`];
  }
  if (recorded.defect === 'T-04') return await checkLastSample(address, recorded);
  const expected = recorded.better ?? recorded.answer;
  if (!('status_in' in expected))
    return differences(await askAsProject(address, recorded, expected.status), expected, recorded);
  const [from, to] = expected.status_in;
  const { status } = await ask(address, recorded);
  return status >= from && status <= to ? [] : [`status ${status} instead of ${from} to ${to}`];
}

async function ask(address: string, recorded: RecordedCase, query = recorded.query): Promise<OwnAnswer> {
  const { lookup } = recorded;
  const id = lookup === undefined ? '' : await findSample(address, lookup);
  const fill = (text: string) => text.replaceAll('{message_id}', encodeURIComponent(id));
  const parameters = new URLSearchParams(
    query?.map(([name, value]): [string, string] => [name, fill(value)]),
  ).toString();
  const url = `${address}${fill(recorded.path)}${parameters === '' ? '' : `?${parameters}`}`;
  const response = await fetch(url, { method: recorded.method, headers: recorded.as });
  const body: unknown = JSON.parse(await response.text());
  if (response.status === 200) checkSchema(recorded, body);
  return { status: response.status, type: response.headers.get('content-type') ?? '', body };
}

/** What the OpenAPI document promises is what comes. */
function checkSchema({ id, path }: RecordedCase, body: unknown): void {
  const route = ROUTES.find(({ pattern }) => pattern.test(path.replace(/\/$/, '')));
  assert.ok(route !== undefined, `${id}: no documented route for ${path}`);
  const [problem] = route.schema.Errors(body);
  assert.equal(problem, undefined, `${id}: ${problem?.path} ${problem?.message}`);
}

/** Every documented GET route with the compiled schema of its answer. */
const ROUTES = apiRoutes()
  .filter(({ method, documented }) => method === 'GET' && documented)
  .map(({ path, answer }) => ({
    pattern: new RegExp(`^${path.replaceAll(/:\w+/g, '[^/]+')}$`),
    schema: TypeCompiler.Compile(answer ?? Type.Unknown()),
  }));

/** The id of the one sample of a meter, a resource and a time. */
async function findSample(address: string, lookup: NonNullable<RecordedCase['lookup']>): Promise<string> {
  const { meter, resource_id: resource, timestamp } = lookup;
  const query = new URLSearchParams();
  for (const field of ['meter', 'resource_id', 'timestamp', 'timestamp']) query.append('q.field', field);
  for (const op of ['eq', 'eq', 'ge', 'le']) query.append('q.op', op);
  for (const value of [meter, resource, timestamp, timestamp]) query.append('q.value', value);
  const found = (await (await fetch(`${address}/v2/samples?${query}`)).json()) as readonly {
    readonly id: string;
  }[];
  assert.equal(found.length, 1, `${meter} ${resource} ${timestamp}`);
  return found[0]?.id ?? '';
}

/**
 * Our answer as the caller of the recorded case would see it. In the original an administrator sees the events of
 * one project and those of none; here all are seen, so all are asked for, and then narrowed and cut as there.
 */
async function askAsProject(
  address: string,
  recorded: RecordedCase,
  expectedStatus: number,
): Promise<OwnAnswer> {
  if (recorded.path !== '/v2/events' || expectedStatus !== 200) return await ask(address, recorded);
  const { query = [], as } = recorded;
  const limit = Number(query.find(([name]) => name === 'limit')?.[1] ?? 100);
  const others = query.filter(([name]) => name !== 'limit');
  const answer = await ask(address, recorded, [...others, ['limit', '100000']]);
  assert.ok(Array.isArray(answer.body), JSON.stringify(answer.body));
  const events = answer.body as readonly RecordedEvent[];
  const seen = events.filter(({ traits }) =>
    traits.every(({ name, value }) => name !== 'project_id' || value === as['X-Project-Id']),
  );
  return { ...answer, body: seen.slice(0, limit) };
}

interface RecordedEvent {
  readonly traits: readonly { readonly name: string; readonly value: string }[];
}

interface Bucket {
  readonly count: number;
}

/**
 * The original loses samples that lie exactly on the end of the last bucket (T-04), and no better answer is recorded:
 * all buckets but the last are as there, and all samples of the range are in some bucket.
 */
async function checkLastSample(address: string, recorded: RecordedCase): Promise<readonly string[]> {
  const own = await ask(address, recorded);
  const whole = await ask(
    address,
    recorded,
    recorded.query?.filter(([name]) => name !== 'period'),
  );
  const [ours, theirs, all] = [own.body, recorded.answer.body, whole.body] as readonly (readonly Bucket[])[];
  if (own.status !== 200 || ours === undefined || theirs === undefined || all === undefined)
    return ['no list'];
  const before = ours.slice(0, -1);
  return [
    ...differences(
      { ...own, body: before },
      { ...recorded.answer, body: theirs.slice(0, before.length) },
      recorded,
    ),
    ...(ours.length === Math.max(1, theirs.length)
      ? []
      : [`${ours.length} buckets instead of ${theirs.length}`]),
    ...(samplesIn(ours) === samplesIn(all)
      ? []
      : [`${samplesIn(ours)} samples of ${samplesIn(all)} in the range`]),
  ];
}

function samplesIn(buckets: readonly Bucket[]): number {
  return buckets.reduce((sum, { count }) => sum + count, 0);
}
