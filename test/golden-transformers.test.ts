import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { tryParseTimestamp } from '../src/lib/timestamp.ts';
import type { Sample, SampleType } from '../src/model/sample.ts';
import { sampleAsMapping } from '../src/pipeline/transformers/sample-fields.ts';
import { createPipelines, createSample, type Pipelines } from './golden-transformers/harness.ts';

/** Samples, a pipeline file, and what comes out of it; how to add or update: golden-transformers/README.md. */
const golden = join(import.meta.dirname, 'golden-transformers');
const update = process.env['UPDATE_GOLDEN'] === '1';

describe('transformers', () => {
  for (const name of caseNames()) {
    it(`make of ${name} what its golden folder says`, async () => {
      const folder = join(golden, name);
      const actual = await play(folder);
      if (update) writeFileSync(join(folder, 'expected.jsonl'), actual);
      assert.ok(existsSync(join(folder, 'expected.jsonl')), 'make it with UPDATE_GOLDEN=1 and read it');
      assert.deepEqual(parse(actual), parse(readFileSync(join(folder, 'expected.jsonl'), 'utf8')));
    });
  }
});

function caseNames(): readonly string[] {
  return globSync('*/*/samples.jsonl', { cwd: golden })
    .map((file) => dirname(file))
    .sort();
}

/** A line of `samples.jsonl`: a sample, or `{"now": …}`, which begins the next batch. */
interface Line {
  readonly now?: string;
  readonly fails?: boolean;
  readonly [field: string]: unknown;
}

interface Batch {
  readonly now: string;
  readonly fails: boolean;
  readonly samples: Sample[];
}

async function play(folder: string): Promise<string> {
  const pipelines = createPipelines(readFileSync(join(folder, 'pipeline.yaml'), 'utf8'));
  const batches = readBatches(parse(readFileSync(join(folder, 'samples.jsonl'), 'utf8')) as readonly Line[]);
  const lines: unknown[] = [];
  for (const { now, fails, samples } of batches) {
    const made = await pipelines.publish(samples, micros(now), fails);
    // A batch without samples is the program's own tick.
    const due = samples.length === 0 ? await pipelines.release(false, micros(now)) : [];
    lines.push({ now, ...(fails ? { fails } : {}), ...state(pipelines, [...(made ?? []), ...due]) });
  }
  const last = micros(batches.at(-1)?.now ?? '2026-01-02T00:00:00');
  lines.push({ stop: true, ...state(pipelines, await pipelines.release(true, last)) });
  return `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`;
}

function state(pipelines: Pipelines, made: readonly Sample[]) {
  return {
    samples: made.map(sampleAsMapping),
    held: pipelines.held(),
    dropped: pipelines.dropped(),
    warnings: pipelines.warnings.length,
  };
}

function readBatches(lines: readonly Line[]): readonly Batch[] {
  const batches: Batch[] = [];
  for (const line of lines) {
    if (line.now !== undefined) batches.push({ now: line.now, fails: line.fails === true, samples: [] });
    else batches.at(-1)?.samples.push(readSample(line));
  }
  return batches;
}

/** The names of the metering message, of which a line gives those that matter. */
function readSample(line: Line): Sample {
  const renamed = Object.entries(line).map(([key, value]) => [
    key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  const fields = Object.fromEntries(renamed) as Partial<Sample> & { timestamp: string; type?: SampleType };
  return createSample(fields);
}

function micros(text: string): number {
  const value = tryParseTimestamp(text);
  assert.ok(value !== undefined);
  return value;
}

function parse(text: string): readonly unknown[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}
