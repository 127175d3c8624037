import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { Readable } from 'node:stream';
import { spec, type TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

type DataOf<Type extends TestEvent['type']> = Extract<TestEvent, { type: Type }>['data'];

/**
 * The reporter of `npm test`. Quiet, which is the default: only what failed and what was skipped, with its reason.
 * NEPHOSCOPE_TEST_VERBOSE=1: each test, as node prints it. The counts of the run go as JSON to the file
 * NEPHOSCOPE_TEST_COUNTS, because `tools/test.ts` adds those of several runs.
 *
 * Node waits without end for a handle that a test left open. After NEPHOSCOPE_TEST_SILENCE_SECONDS without any news,
 * longer than a single test may take, this reporter says what is left and ends the run with exit code 7.
 */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const kept = watchForSilence(keepCounts(events));
  if (process.env['NEPHOSCOPE_TEST_VERBOSE'] === '1') {
    for await (const text of Readable.from(kept).pipe(new spec())) yield String(text);
    return;
  }
  for await (const event of kept) yield quietText(event);
}

/** Passes all events on but the closing counts, which it writes where `tools/test.ts` looks for them. */
async function* keepCounts(events: AsyncIterable<TestEvent>): AsyncGenerator<TestEvent> {
  const file = process.env['NEPHOSCOPE_TEST_COUNTS'];
  for await (const event of events) {
    const isWholeRun = event.type === 'test:summary' && event.data.file === undefined;
    if (isWholeRun && file !== undefined) writeFileSync(file, JSON.stringify(event.data.counts));
    const isCount =
      event.type === 'test:diagnostic' &&
      /^(?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(event.data.message);
    if (!isCount) yield event;
  }
}

async function* watchForSilence(events: AsyncIterable<TestEvent>): AsyncGenerator<TestEvent> {
  const seconds = Number(process.env['NEPHOSCOPE_TEST_SILENCE_SECONDS'] ?? 0);
  const openFiles = new Set<string>();
  const giveUp = (): void => {
    const left = openFiles.size > 0 ? [...openFiles] : process.getActiveResourcesInfo();
    process.stderr.write(
      `✖ No news for ${seconds} s: a handle was left open. Still there: ${left.join(', ')}\n`,
    );
    process.exit(7);
  };
  const timer = seconds > 0 ? setTimeout(giveUp, seconds * 1_000).unref() : null;
  for await (const event of events) {
    timer?.refresh();
    if (event.type === 'test:dequeue' && isFile(event.data)) openFiles.add(event.data.name);
    if (event.type === 'test:complete') openFiles.delete(event.data.name);
    yield event;
  }
  clearTimeout(timer ?? undefined);
}

/** With a process per file, the files appear among the tests. */
function isFile(test: { readonly name: string; readonly nesting: number }): boolean {
  return test.nesting === 0 && test.name.endsWith('.test.ts');
}

function quietText(event: TestEvent): string {
  switch (event.type) {
    case 'test:fail':
      return failureText(event.data);
    case 'test:pass':
      return skipText(event.data);
    case 'test:stdout':
    case 'test:stderr':
      return event.data.message;
    default:
      return '';
  }
}

function failureText(test: DataOf<'test:fail'>): string {
  const error = test.details.error as Error & { readonly failureType?: string };
  // The parent of a failed test fails as well and has nothing to add.
  if (error.failureType === 'subtestsFailed') return '';
  const text = inspect(error.cause ?? error, { depth: 5 }).replaceAll('\n', '\n    ');
  return `\n✖ ${placeOf(test)}${test.name}\n    ${text}\n`;
}

function skipText(test: DataOf<'test:pass'>): string {
  if (test.skip === undefined || test.skip === false) return '';
  const reason = typeof test.skip === 'string' ? `: ${test.skip}` : '';
  return `﹣ skipped: ${placeOf(test)}${test.name}${reason}\n`;
}

function placeOf(test: { readonly file?: string | undefined; readonly line?: number | undefined }): string {
  return test.file === undefined ? '' : `${relative(process.cwd(), test.file)}:${test.line ?? 1}  `;
}
