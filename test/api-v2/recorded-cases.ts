import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** Where the recorded answers lie: beside the project, not inside it. */
const DIRECTORY = new URL('../../../shared/data/api-v2/', import.meta.url);

/** An answer of the original. */
export interface RecordedAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
}

/** A question to the original and what it said. The keys are explained beside the data. */
export interface RecordedCase {
  readonly id: string;
  readonly group: string;
  /** Name of the caller, and the identity headers it sends. */
  readonly who: string;
  readonly as: Readonly<Record<string, string>>;
  readonly method: string;
  readonly path: string;
  readonly query?: readonly (readonly [string, string])[];
  readonly lookup?: { readonly meter: string; readonly resource_id: string; readonly timestamp: string };
  readonly answer: RecordedAnswer;
  readonly ordered: boolean;
  readonly ties?: readonly string[];
  readonly cut?: boolean;
  readonly any?: number;
  readonly ignore?: readonly string[];
  readonly text?: 'exact' | 'free';
  readonly writes?: boolean;
  readonly defect?: string;
  readonly better?: RecordedAnswer | { readonly status_in: readonly [from: number, to: number] };
}

/** Whether the data are there at all. */
export function hasRecordedData(): boolean {
  return existsSync(DIRECTORY);
}

/** All recorded cases. */
export function recordedCases(): readonly RecordedCase[] {
  return lines('cases').map((line) => JSON.parse(line));
}

/** The lines of one of the files. */
export function lines(name: 'cases' | 'samples' | 'events'): readonly string[] {
  const text = gunzipSync(readFileSync(new URL(`${name}.jsonl.gz`, DIRECTORY))).toString();
  return text.split('\n').filter((line) => line !== '');
}
