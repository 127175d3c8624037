/** One measured number against its goal, as `npm run bench -- --json` prints it. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The goal as text: `<=15`, `>=0.5`, or empty for a number that is only shown. */
  readonly goal: string;
  readonly ok: boolean;
}

export type Report = (figure: Figure) => void;

/** A figure judged by its goal (`<=N`, `>=N`, or empty). */
export function figure(name: string, value: number, unit: string, goal: string): Figure {
  const bound = Number(goal.slice(2));
  const ok = goal === '' || (goal.startsWith('<=') ? value <= bound : value >= bound);
  return { name, value: Number(value.toPrecision(4)), unit, goal, ok };
}

/** Microseconds of CPU (user and system, all threads of this process) that `work` takes. */
export async function cpuMicros(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const used = process.cpuUsage(before);
  return used.user + used.system;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
