import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';

const BIN = join(import.meta.dirname, '..', 'bin');

/** Tells its arguments and how it was started, then does what the first argument says. */
const MAIN = `
const [what, value] = process.argv.slice(2);
if (what === 'wait') {
  const timer = setTimeout(() => {}, 20_000);
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    process.on(signal, () => { console.log(signal); clearTimeout(timer); process.exitCode = 7; });
  }
}
console.log(JSON.stringify({ args: process.argv.slice(2), from: import.meta.url.split('/').slice(-3).join('/') }));
if (what === 'exit') process.exit(Number(value));
if (what === 'die') process.kill(process.pid, value);
`;

/** A copy of bin/ with a program of its own behind it. */
function install(t: TestContext, main = MAIN): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'nephoscope-bin-')));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  cpSync(BIN, join(root, 'bin'), { recursive: true });
  writeFileSync(join(root, 'package.json'), '{"type": "module"}');
  mkdirSync(join(root, 'src/cli'), { recursive: true });
  writeFileSync(join(root, 'src/cli/main.ts'), `const typed: number = 1;\n${main}`);
  return root;
}

/** Makes this node claim to be too old, and installs one beside the program that is not. */
function oldNode(root: string, withInstalled = true): Record<string, string> {
  const preload = join(root, 'old.cjs');
  writeFileSync(preload, `Object.defineProperty(process.versions, 'node', { value: '12.22.0' });`);
  if (withInstalled) {
    const directory = join(root, `node_modules/node-linux-${process.arch}/bin`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(
      join(directory, 'node'),
      `#!/bin/sh\nunset NODE_OPTIONS\nexec '${process.execPath}' "$@"\n`,
    );
    chmodSync(join(directory, 'node'), 0o755);
  }
  return { NODE_OPTIONS: `--require=${preload}` };
}

function run(
  root: string,
  args: readonly string[],
  env: Record<string, string> = {},
  program = 'bin/nephoscope',
) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [join(root, program), ...args], {
    encoding: 'utf8',
    cwd: tmpdir(),
    timeout: 20_000,
    env: { PATH: process.env['PATH'], HOME: root, ...env },
  });
  return { status, signal, stdout, stderr };
}

const told = (args: readonly string[], from = 'src/cli/main.ts') => `${JSON.stringify({ args, from })}\n`;
const onLinux = { skip: process.platform === 'linux' ? false : 'needs Linux' };

test('a new node runs the program itself, with its arguments and exit code', (t) => {
  assert.deepEqual(run(install(t), ['exit', '3']), {
    status: 3,
    signal: null,
    stdout: told(['exit', '3']),
    stderr: '',
  });
});

test('the compiled program goes before its sources', (t) => {
  const root = install(t);
  mkdirSync(join(root, 'dist/cli'), { recursive: true });
  writeFileSync(join(root, 'dist/cli/main.js'), MAIN);
  assert.equal(run(root, ['a b']).stdout, told(['a b'], 'dist/cli/main.js'));
});

test('a symbolic link finds the program', (t) => {
  const root = install(t);
  mkdirSync(join(root, 'elsewhere'));
  symlinkSync('../bin/nephoscope', join(root, 'elsewhere/scope'));
  assert.equal(run(root, [], {}, 'elsewhere/scope').stdout, told([]));
});

test('a checkout without its packages says in one line what to do', (t) => {
  const root = install(t, "import 'commander';\n");
  assert.deepEqual(run(root, []), {
    status: 69,
    signal: null,
    stdout: '',
    stderr: `nephoscope: its packages are not installed: run "npm ci" in ${root}\n`,
  });
});

test('a defect while loading is shown whole', (t) => {
  const { status, stderr } = run(install(t, "throw new TypeError('boom');\n"), []);
  assert.equal(status, 1);
  assert.match(stderr, /TypeError: boom\n {4}at .*main\.ts/);
});

test('an old node without a newer one says in one line what to do', (t) => {
  const root = install(t);
  assert.deepEqual(run(root, [], oldNode(root, false)), {
    status: 69,
    signal: null,
    stdout: '',
    stderr:
      'nephoscope needs Node.js 24.15 or newer and this is 12.22.0: ' +
      `install it, or run "npm ci" in ${root}, which brings it along\n`,
  });
});

test('an old node hands over to the installed one and ends as that one ends', onLinux, (t) => {
  const root = install(t);
  const env = oldNode(root);
  assert.deepEqual(run(root, ['exit', '5'], env), {
    status: 5,
    signal: null,
    stdout: told(['exit', '5']),
    stderr: '',
  });
  assert.deepEqual(run(root, ['die', 'SIGKILL'], env), {
    status: null,
    signal: 'SIGKILL',
    stdout: told(['die', 'SIGKILL']),
    stderr: '',
  });
  assert.equal(run(root, ['die', 'SIGTERM'], env).signal, 'SIGTERM');
});

test('signals reach the program behind an old node, each once', onLinux, async (t) => {
  const root = install(t);
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) {
    const child = spawn(process.execPath, [join(root, 'bin/nephoscope'), 'wait'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      // A session without a terminal, where nobody else delivers SIGINT to the program.
      detached: true,
      env: { PATH: process.env['PATH'], HOME: root, ...oldNode(root) },
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (output === '') child.kill(signal);
      output += text;
    });
    const ended = await new Promise((resolve) => child.on('close', (...how) => resolve(how)));
    assert.deepEqual([ended, output], [[7, null], `${told(['wait'])}${signal}\n`]);
  }
});

test('compiled code is kept in a private directory only', (t) => {
  const root = install(
    t,
    "import { getCompileCacheDir } from 'node:module';\nconsole.log(getCompileCacheDir() ?? 'none');\n",
  );
  const cache = join(root, 'cache');
  assert.ok(run(root, [], { CACHE_DIRECTORY: cache }).stdout.startsWith(cache));
  assert.ok(run(root, []).stdout.startsWith(join(root, '.cache/nephoscope')));
  chmodSync(cache, 0o777);
  assert.equal(run(root, [], { CACHE_DIRECTORY: cache }).stdout, 'none\n');
  assert.equal(run(root, [], { HOME: '/proc/none' }).stdout, 'none\n');
});

test('a server is started anew with memory limits, larger ones once something is configured, none over its own', (t) => {
  const root = install(t, 'console.log(JSON.stringify([process.pid, process.execArgv]));');
  const nurseries = [
    {},
    { OS_DEFAULT__TRANSPORT_URL: 'rabbit://' },
    { NODE_OPTIONS: '--max-semi-space-size=7' },
  ].map((env) => {
    const { NODE_OPTIONS: _, ...clean } = process.env;
    const ended = spawnSync(process.execPath, [join(root, 'bin/nephoscope'), 'serve'], {
      env: { ...clean, ...env },
    });
    const [pid, flags]: [number, string[]] = JSON.parse(String(ended.stdout));
    assert.equal(pid, ended.pid, 'it stays the same process');
    return flags.filter((flag) => flag.startsWith('--max-semi'));
  });
  assert.deepEqual(nurseries, [['--max-semi-space-size=2'], ['--max-semi-space-size=16'], []]);
});
