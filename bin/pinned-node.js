/*
 * Finds out whether this Node can run the program, and hands over to the one `npm ci` installed if it cannot.
 *
 * Like everything that runs before that is known, this is JavaScript that Node 12 still parses. Nothing here relies
 * on node_modules/.bin: npm 9 and 10 remove the link to the installed Node again, together with the package for the
 * other kind of processor.
 */
'use strict';

const fs = require('fs');
const os = require('os');
const path = require('path');

const NEEDED_MAJOR = 24;
const NEEDED_MINOR = 15;
const EXIT_UNAVAILABLE = 69;
const FORWARDED_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];

// Node gives the real directory also when the program was started through a symbolic link.
const root = path.dirname(__dirname);

module.exports = { root, isNewEnough, handOver, fail, EXIT_UNAVAILABLE };

/** Whether the Node that runs this is new enough for the program. */
function isNewEnough() {
  const parts = process.versions.node.split('.').map(Number);
  return parts[0] > NEEDED_MAJOR || (parts[0] === NEEDED_MAJOR && parts[1] >= NEEDED_MINOR);
}

/**
 * Runs `file` under the installed Node with the arguments, streams and signals of this process, then ends as it
 * ended. Ends with exit code 69 and one line that says what to do when there is no such Node.
 */
function handOver(file) {
  const node = findInstalledNode();
  if (node === null || isSameFile(node, process.execPath)) {
    failForNode(`install it, or run "npm ci" in ${root}, which brings it along`);
  }
  const args = process.execArgv.concat([file], process.argv.slice(2));
  const child = require('child_process').spawn(node, args, { stdio: 'inherit' });
  child.on('error', (error) =>
    failForNode(`${node} cannot be started (${error.code}); run "npm ci" in ${root}`),
  );
  child.on('exit', endLike);
  for (const signal of FORWARDED_SIGNALS) {
    process.on(signal, () => {
      if (!reachesTheChildAnyway(signal)) child.kill(signal);
    });
  }
}

/** Says `text` on standard error and ends. */
function fail(text, exitCode) {
  process.stderr.write(`${text}\n`);
  process.exit(exitCode);
}

/** The Node that `npm ci` installs as a package, beside this program or wherever npm put it. */
function findInstalledNode() {
  if (process.platform !== 'linux') return null;
  try {
    return require.resolve(`node-linux-${process.arch}/bin/node`);
  } catch (_) {
    return null;
  }
}

function isSameFile(first, second) {
  try {
    return fs.realpathSync(first) === fs.realpathSync(second);
  } catch (_) {
    return false;
  }
}

/**
 * Ctrl-C reaches every process in the terminal's foreground. Forwarding it as well would make two of it, and the
 * second one means "stop at once".
 */
function reachesTheChildAnyway(signal) {
  if (signal !== 'SIGINT' && signal !== 'SIGQUIT') return false;
  try {
    // Behind the command name, which may hold blanks and brackets: state, parent, group, session, terminal and
    // the terminal's foreground group (-1 without a terminal).
    const stat = fs.readFileSync('/proc/self/stat', 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[2] === fields[5];
  } catch (_) {
    return Boolean(process.stdin.isTTY);
  }
}

/** Ends as the child ended, so that a caller cannot tell that there were two processes. */
function endLike(code, signal) {
  if (signal === null) process.exit(code);
  for (const name of FORWARDED_SIGNALS) process.removeAllListeners(name);
  process.kill(process.pid, signal);
  // Some signals do not end a process at once, or at all: then the shell's way of saying it.
  setTimeout(() => process.exit(128 + (os.constants.signals[signal] || 0)), 200);
}

function failForNode(what) {
  const needed = `${NEEDED_MAJOR}.${NEEDED_MINOR}`;
  const found = process.versions.node;
  fail(`nephoscope needs Node.js ${needed} or newer and this is ${found}: ${what}`, EXIT_UNAVAILABLE);
}
