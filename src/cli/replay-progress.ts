import { escapeControls } from './display-text.ts';

/** What has happened so far. */
export interface ReplayTally {
  sent: number;
  refused: number;
  badLines: number;
  /** Messages still to be sent as far as it is known, else null. */
  remaining: number | null;
  readonly outcomes: Map<string, number>;
}

export interface ReplayProgress {
  /** Writes a line of its own, above the moving one. */
  note(text: string): void;
  /** Ends the moving line and writes the last one. */
  finish(summary: string): void;
}

const TERMINAL_MILLIS = 200;
const PIPE_MILLIS = 5000;

/**
 * Shows on `stderr` how a replay gets on: one line that moves on a terminal; with `always` a line every five seconds
 * elsewhere; else nothing but notes and the end. `trouble` says why it does not get on.
 */
export function showProgress(
  stderr: NodeJS.WritableStream & { readonly isTTY?: boolean },
  always: boolean,
  tally: ReplayTally,
  trouble: () => Error | null,
): ReplayProgress {
  const isTerminal = stderr.isTTY === true;
  const began = performance.now();
  const meter = new RateMeter(began);
  const show = (): void => {
    const now = performance.now();
    const line = describeProgress(tally, meter.rate(tally.sent, now), trouble());
    stderr.write(isTerminal ? `\r\u001b[K${line}` : `${line}\n`);
  };
  const timer = isTerminal || always ? setInterval(show, isTerminal ? TERMINAL_MILLIS : PIPE_MILLIS) : null;
  const clear = isTerminal ? '\r\u001b[K' : '';
  return {
    note: (text) => void stderr.write(`${clear}${escapeControls(text)}\n`),
    finish: (summary) => {
      if (timer !== null) clearInterval(timer);
      stderr.write(`${clear}${describeEnd(tally, performance.now() - began, summary)}\n`);
    },
  };
}

function describeProgress(tally: ReplayTally, rate: number, trouble: Error | null): string {
  const parts = [`${tally.sent} sent`, `${formatRate(rate)}/s`];
  if (tally.remaining !== null && rate > 0) parts.push(`${formatSeconds(tally.remaining / rate)} left`);
  if (tally.badLines > 0) parts.push(`${tally.badLines} bad lines`);
  if (tally.refused > 0) parts.push(`${tally.refused} refused`);
  if (trouble !== null) parts.push(`waiting: ${escapeControls(trouble.message)}`);
  return parts.join(', ');
}

function describeEnd(tally: ReplayTally, millis: number, summary: string): string {
  const rate = millis > 0 ? (tally.sent / millis) * 1000 : 0;
  const outcomes = [...tally.outcomes].map(([word, count]) => `${count} ${word}`);
  const parts = [
    `${tally.sent} sent in ${formatSeconds(millis / 1000)} (${formatRate(rate)}/s)`,
    ...(outcomes.length === 0 ? [] : [`of them ${outcomes.join(', ')}`]),
    ...(tally.refused === 0 ? [] : [`${tally.refused} refused`]),
    ...(tally.badLines === 0
      ? []
      : [`${tally.badLines} bad ${tally.badLines === 1 ? 'line' : 'lines'} left out`]),
  ];
  return `${summary}: ${parts.join('; ')}`;
}

/** The rate over the last seconds, so that it tells how it goes now. */
class RateMeter {
  readonly #marks: { readonly at: number; readonly sent: number }[];

  constructor(began: number) {
    this.#marks = [{ at: began, sent: 0 }];
  }

  rate(sent: number, now: number): number {
    this.#marks.push({ at: now, sent });
    while (this.#marks.length > 2 && now - (this.#marks[0]?.at ?? now) > 5000) this.#marks.shift();
    const first = this.#marks[0] ?? { at: now, sent };
    return now > first.at ? ((sent - first.sent) / (now - first.at)) * 1000 : 0;
  }
}

function formatRate(rate: number): string {
  return rate >= 10 ? String(Math.round(rate)) : rate.toFixed(1);
}

function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
