import { parseArgs } from 'node:util';
import type { Figure, Report } from './figure.ts';

/**
 * Measures what the issues and the README promise: `npm run bench [-- GROUP…] [--json]`.
 *
 * Each group is one file with one function. Ratios are taken within one run; CPU per item is the figure to compare
 * across machines. Exit code 1 when a goal is missed.
 */
const GROUPS: Readonly<Record<string, () => Promise<(report: Report) => Promise<void>>>> = {
  main: async () => (await import('./main-job.ts')).benchMainJob,
  notification: async () => (await import('./notification.ts')).benchNotification,
  publishers: async () => (await import('./publishers.ts')).benchPublishers,
  memory: async () => (await import('./memory.ts')).benchMemory,
  store: async () => (await import('./store.ts')).benchStore,
  start: async () => (await import('./start.ts')).benchStart,
};

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'boolean' } } });
const wanted = positionals.length === 0 ? Object.keys(GROUPS) : positionals;
const unknown = wanted.filter((name) => GROUPS[name] === undefined);
if (unknown.length > 0) {
  process.stderr.write(`Unknown group ${unknown.join(', ')}; known: ${Object.keys(GROUPS).join(', ')}\n`);
  process.exit(2);
}

let missed = 0;
function show(figure: Figure): void {
  if (!figure.ok) missed++;
  if (values.json === true) process.stdout.write(`${JSON.stringify(figure)}\n`);
  else {
    const verdict = figure.goal === '' ? '' : `${figure.goal.padEnd(10)} ${figure.ok ? 'ok' : 'MISSED'}`;
    const shown = `${figure.value} ${figure.unit}`.padStart(18);
    process.stdout.write(`${figure.name.padEnd(38)} ${shown}   ${verdict}\n`);
  }
}

for (const name of wanted) {
  const load = GROUPS[name];
  if (load !== undefined) await (await load())(show);
}
process.exitCode = missed === 0 ? 0 : 1;
