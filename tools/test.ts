import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';

/**
 * Runs the tests: `npm test [-- [--verbose] [node option]… [path]…]`.
 *
 * Tests beside the code run together in one process, which is some twenty times as fast as a process per file; those
 * under test/ use services and get a process per file. A path is a file, a directory or a pattern. The last line is
 * `N passed, N failed, N skipped`; the exit code is 1 unless at least one test passed and none failed. With
 * REQUIRE_SERVICES=1 tests that miss a service fail instead of being skipped.
 */
interface Group {
  readonly name: string;
  readonly files: readonly string[];
  readonly options: readonly string[];
  readonly testLimitSeconds: number;
  /** The whole group is ended after this: a loop that spins must not hang the build. */
  readonly limitSeconds: number;
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const ROOT = join(import.meta.dirname, '..');
const INTEGRATION = 'test/';
const CONCURRENCY = Math.max(2, availableParallelism() - 1);

const args = process.argv.slice(2);
const verbose = args.includes('--verbose');
const nodeOptions = args.filter((arg) => arg.startsWith('-') && arg !== '--verbose');
const paths = args.filter((arg) => !arg.startsWith('-'));

const running = new Set<number>();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const pid of running) killGroup(pid);
    process.exit(130);
  });
}

process.chdir(ROOT);
const groups = makeGroups(findFiles(paths)).filter(({ files }) => files.length > 0);
if (groups.length === 0) {
  process.stderr.write(`No test files match ${paths.join(' ')}\n`);
  process.exit(1);
}
let total: Counts = { passed: 0, failed: 0, skipped: 0 };
for (const group of groups) total = add(total, await runGroup(group));
process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;

function findFiles(wanted: readonly string[]): readonly string[] {
  const places =
    wanted.length === 0 ? ['src', 'tools', 'bench', 'test'] : wanted.map((path) => relative('.', path));
  const patterns = places.map((place) => {
    return statSync(place, { throwIfNoEntry: false })?.isDirectory() ? `${place}/**/*.test.ts` : place;
  });
  return [...new Set(globSync(patterns))].sort();
}

function makeGroups(files: readonly string[]): readonly Group[] {
  return [
    {
      name: 'beside the code',
      files: files.filter((file) => !file.startsWith(INTEGRATION)),
      options: ['--test-isolation=none'],
      testLimitSeconds: 30,
      limitSeconds: 180,
    },
    {
      name: 'under test/',
      files: files.filter((file) => file.startsWith(INTEGRATION)),
      options: [`--test-concurrency=${CONCURRENCY}`],
      testLimitSeconds: 180,
      limitSeconds: 1_200,
    },
  ];
}

async function runGroup(group: Group): Promise<Counts> {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-test-'));
  const countsFile = join(directory, 'counts.json');
  try {
    const start = performance.now();
    const ended = await runNode(group, countsFile);
    const seconds = ((performance.now() - start) / 1_000).toFixed(1);
    process.stdout.write(`Tests ${group.name}: ${group.files.length} files in ${seconds} s\n`);
    return readCounts(countsFile, ended, group);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Resolves with what went wrong beyond failed tests, or null. */
function runNode(group: Group, countsFile: string): Promise<string | null> {
  const options = [
    '--test',
    `--test-timeout=${group.testLimitSeconds * 1_000}`,
    `--test-reporter=${join(ROOT, 'tools/test-reporter.ts')}`,
    ...group.options,
  ];
  // A process group of its own, so that what the tests started ends with them when the time is over.
  const child = spawn(process.execPath, [...options, ...nodeOptions, ...group.files], {
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
    env: {
      ...process.env,
      NEPHOSCOPE_TEST_COUNTS: countsFile,
      NEPHOSCOPE_TEST_SILENCE_SECONDS: String(group.testLimitSeconds + 10),
      NEPHOSCOPE_TEST_VERBOSE: verbose || paths.length > 0 ? '1' : '0',
    },
  });
  const { pid } = child;
  if (pid !== undefined) running.add(pid);
  let overdue = false;
  const timer = setTimeout(() => {
    overdue = true;
    if (pid !== undefined) killGroup(pid);
  }, group.limitSeconds * 1_000);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (pid !== undefined) running.delete(pid);
      if (overdue)
        resolve(`not ended after ${group.limitSeconds} s: something keeps the process alive or busy`);
      else resolve(code === 0 || code === 1 ? null : `node ended with ${signal ?? code}`);
    });
  });
}

function readCounts(file: string, trouble: string | null, group: Group): Counts {
  let counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  let problem = trouble;
  try {
    const raw = JSON.parse(readFileSync(file, 'utf8'));
    const unfinished = raw.cancelled + raw.failed;
    counts = { passed: raw.passed, failed: unfinished, skipped: raw.skipped + raw.todo };
  } catch {
    problem ??= 'the run ended before its tests did';
  }
  if (problem === null) return counts;
  process.stdout.write(`✖ Tests ${group.name}: ${problem}\n`);
  return { ...counts, failed: counts.failed + 1 };
}

function add(left: Counts, right: Counts): Counts {
  return {
    passed: left.passed + right.passed,
    failed: left.failed + right.failed,
    skipped: left.skipped + right.skipped,
  };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
