import type { Position } from '../component/errors.ts';
import { redactLine } from './redact.ts';

/** Lines beyond this are not shown: nobody reads them on a terminal. */
const longestShownLine = 4000;

/** A file's text that knows its lines: turns offsets into positions an operator can find. */
export class SourceText {
  readonly file: string;
  readonly text: string;
  /** Offset of the first character of each line. */
  readonly #lineStarts: readonly number[];

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
    this.#lineStarts = findLineStarts(text);
  }

  /** The position of a character, with its line (secrets overwritten). Offsets outside the text mean its ends. */
  positionAt(offset: number): Position {
    const within = Math.max(0, Math.min(offset, this.text.length));
    const index = this.#lineIndex(within);
    const start = this.#lineStarts[index] ?? 0;
    const end = this.#lineEnd(index);
    const place = { file: this.file, line: index + 1, column: within - start + 1 };
    return end - start > longestShownLine
      ? place
      : { ...place, text: redactLine(this.text.slice(start, end)) };
  }

  /** The number of the line a character is in, from 1. */
  lineAt(offset: number): number {
    return this.#lineIndex(offset) + 1;
  }

  #lineEnd(index: number): number {
    const next = this.#lineStarts[index + 1];
    return next === undefined ? this.text.length : next - 1;
  }

  #lineIndex(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** CR-LF and lone CR as LF, without a leading byte order mark: what line counts and both readers work on. */
export function normalizeText(text: string): string {
  const withoutMark = text.startsWith('\uFEFF') ? text.slice(1) : text;
  return withoutMark.includes('\r') ? withoutMark.replaceAll(/\r\n?/g, '\n') : withoutMark;
}

function findLineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
