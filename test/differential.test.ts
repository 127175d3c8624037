import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { type ConvertOptions, convertFiles } from '../src/cli/convert.ts';
import { parseExact, stringifyExact } from '../src/lib/exact-json.ts';
import type { JsonObject, JsonValue } from '../src/model/json.ts';
import {
  type AcceptedDifference,
  type Difference,
  readAcceptedDifferences,
} from './differential/accepted-differences.ts';
import { compareLines } from './differential/compare-lines.ts';
import { captured } from './support/captured.ts';

/*
 * Recorded notifications through `nephoscope convert`, compared with what Ceilometer itself made of them: with its own
 * definitions, and with ours. Only the differences of accepted-differences.jsonl may be there.
 */

const data = fileURLToPath(new URL('../../shared/data/', import.meta.url));
const recording = `${data}notifications.jsonl.gz`;
const skip = existsSync(recording)
  ? false
  : 'the recorded notifications (../shared/data) are not here; they are data, no service, so REQUIRE_SERVICES does not ask for them';

interface Case {
  readonly name: string;
  readonly expected: string;
  readonly options: Omit<ConvertOptions, 'files'>;
}

const upstream = (suffix: string) => ({
  eventDefinitions: `${data}upstream/event_definitions${suffix}.yaml`,
  meterDefinitions: `${data}upstream/meters${suffix}.yaml`,
});

const cases: readonly Case[] = [
  {
    name: "the newest definitions of the original give the original's events and samples",
    expected: 'ceilometer-head',
    options: { ...upstream(''), anyPriority: false },
  },
  {
    name: 'so they do with samples of every priority',
    expected: 'ceilometer-head-any-priority',
    options: { ...upstream(''), anyPriority: true },
  },
  {
    name: "the definitions of Ceilometer 19 give the original's events and samples",
    expected: 'ceilometer-19',
    options: { ...upstream('-19'), anyPriority: false },
  },
  {
    name: 'so they do with samples of every priority at 19',
    expected: 'ceilometer-19-any-priority',
    options: { ...upstream('-19'), anyPriority: true },
  },
  {
    name: "the shipped definitions give the original's events and samples but for the accepted differences",
    expected: 'ceilometer-head',
    options: { anyPriority: false },
  },
];

for (const { name, expected, options } of cases) {
  test(name, { skip }, async (t) => {
    const accepted = readAcceptedDifferences(`${data}expected/accepted-differences.jsonl`);
    const ours = await convert(options);
    const theirs = linesOf(gunzipSync(readFileSync(`${data}expected/${expected}.jsonl.gz`)).toString());
    assert.equal(ours.length, theirs.length, 'one line a notification');
    const { unexplained, counts } = compareAll(ours, theirs, accepted);
    report(t, counts);
    assert.equal(unexplained.length, 0, describeAll(unexplained));
  });
}

async function convert(options: Omit<ConvertOptions, 'files'>): Promise<readonly string[]> {
  const io = captured();
  const exitCode = await convertFiles({ ...options, files: [recording] }, io);
  assert.equal(exitCode, 0, io.stderrText());
  return linesOf(io.stdoutText());
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

interface Found {
  readonly eventType: string;
  readonly messageId: string;
  readonly difference: Difference;
}

function compareAll(
  ours: readonly string[],
  theirs: readonly string[],
  accepted: readonly AcceptedDifference[],
): { readonly unexplained: readonly Found[]; readonly counts: ReadonlyMap<AcceptedDifference, number> } {
  const unexplained: Found[] = [];
  const counts = new Map<AcceptedDifference, number>();
  for (const [index, line] of theirs.entries()) {
    const expected = parseExact(line) as JsonObject;
    const eventType = String(expected.event_type);
    const messageId = String(expected.message_id);
    for (const difference of compareLines(parseExact(ours[index] ?? '') as JsonObject, expected)) {
      const rule = accepted.find((one) => one.accepts(eventType, difference));
      if (rule === undefined) unexplained.push({ eventType, messageId, difference });
      else counts.set(rule, (counts.get(rule) ?? 0) + 1);
    }
  }
  return { unexplained, counts };
}

function report(t: TestContext, counts: ReadonlyMap<AcceptedDifference, number>): void {
  if (counts.size === 0) t.diagnostic('no difference at all');
  for (const [{ label, reason }, count] of counts)
    t.diagnostic(`accepted ${count} times: ${label} (${reason})`);
}

const shownDifferences = 8;

function describeAll(found: readonly Found[]): string {
  const shown = found.slice(0, shownDifferences).map(describe);
  return [`${found.length} differences are not accepted; the first of them:`, ...shown].join('\n');
}

function describe({ eventType, messageId, difference }: Found): string {
  const head = `  ${eventType} ${messageId}:`;
  switch (difference.kind) {
    case 'sample':
      return `${head} ${difference.side} alone has ${show(difference.sample)}`;
    case 'trait':
      return `${head} trait ${difference.name}: ${both(difference)}`;
    case 'field':
      return `${head} ${difference.field} of ${difference.meter}: ${both(difference)}`;
    default:
      return `${head} ${difference.what}: ${both(difference)}`;
  }
}

function both({
  ours,
  expected,
}: {
  readonly ours: JsonValue | undefined;
  readonly expected: JsonValue | undefined;
}): string {
  return `expected ${show(expected)}, ours ${show(ours)}`;
}

function show(value: JsonValue | undefined): string {
  const text = value === undefined ? '(absent)' : stringifyExact(value);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
