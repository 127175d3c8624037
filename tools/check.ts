import { spawn } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';

/**
 * Runs every check that needs no test: `npm run check`. All of them run even when one fails; what a failed one had
 * to say is shown, then one line per check. Exit code 1 when any failed.
 */
interface Step {
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]];
  /** What to do when it fails. */
  readonly help: string;
}

interface Result {
  readonly step: Step;
  readonly passed: boolean;
  readonly seconds: number;
  readonly output: string;
}

const ROOT = join(import.meta.dirname, '..');
const STEP_LIMIT_MILLIS = 180_000;

const STEPS: readonly Step[] = [
  { name: 'types', command: ['tsc', '-p', '.'], help: 'correct the types' },
  {
    name: 'lint and format',
    command: ['biome', 'check', '--error-on-warnings', '.'],
    help: '"npm run format" corrects most of it',
  },
  { name: 'dead code', command: ['knip', '--no-progress'], help: 'remove what nobody uses, or its export' },
  {
    name: 'architecture',
    command: [process.execPath, '--test', '--test-reporter=dot', 'test/architecture.test.ts'],
    help: 'the rules stand in CONTRIBUTING.md, "Where things go"',
  },
  {
    name: 'generated files',
    command: [process.execPath, 'tools/generate.ts', '--check'],
    help: 'run "npm run generate"; generated files are never edited',
  },
];

const results = await Promise.all(STEPS.map(runStep));
for (const { step, passed, output } of results) {
  if (!passed) process.stdout.write(`── ${step.name}\n${output.trimEnd()}\n\n`);
}
for (const { step, passed, seconds } of results) {
  const help = passed ? '' : `  ${step.help}`;
  process.stdout.write(
    `${passed ? '✔' : '✘'} ${step.name.padEnd(16)} ${seconds.toFixed(1).padStart(5)} s${help}\n`,
  );
}
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;

async function runStep(step: Step): Promise<Result> {
  const start = performance.now();
  const [program, ...args] = step.command;
  const child = spawn(program, args, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: STEP_LIMIT_MILLIS,
    killSignal: 'SIGKILL',
    env: {
      ...process.env,
      PATH: [dirname(process.execPath), join(ROOT, 'node_modules/.bin'), process.env['PATH']].join(delimiter),
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = await new Promise<string | null>((resolve) => {
    child.on('error', (error) => resolve(`${program} cannot be started: ${error.message}`));
    child.on('close', (code, signal) =>
      resolve(code === 0 ? null : `${program} ended with ${signal ?? code}`),
    );
  });
  if (ended !== null) output += `\n${ended}`;
  return { step, passed: ended === null, seconds: (performance.now() - start) / 1_000, output };
}
