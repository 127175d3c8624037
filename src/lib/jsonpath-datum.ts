import type { JsonValue } from '../model/json.ts';
import { PathEvaluationError } from './jsonpath-errors.ts';

/**
 * A value together with where it was found, so that `$` and `parent` find their way and a match can name its
 * place. A datum without parent is the document itself, or a value that some operator made (its place is empty) or an
 * item a filter looks at.
 */
export class Datum {
  readonly value: JsonValue;
  readonly parent: Datum | undefined;
  /** Name or index below the parent; of a datum without parent the text of its place. */
  readonly key: string | number;
  #place: string | undefined;

  constructor(value: JsonValue, parent: Datum | undefined, key: string | number) {
    this.value = value;
    this.parent = parent;
    this.key = key;
    this.#place = parent === undefined ? String(key) : undefined;
  }

  /**
   * The dotted place: `payload.metrics.[0].value`, the document itself `$`. Ancestors remember theirs, so many matches
   * below one parent share its text. Not recursive: documents may be nested deeply.
   */
  place(): string {
    const pending: Datum[] = [];
    let known: Datum | undefined = this;
    for (; known !== undefined && known.#place === undefined; known = known.parent) pending.push(known);
    let place = known === undefined ? NO_PLACE : (known.#place ?? NO_PLACE);
    for (const datum of pending.reverse()) {
      place = joinPlace(place, datum.key);
      datum.#place = place;
    }
    return place;
  }
}

/** The place of a whole document. */
export const DOCUMENT_PLACE = '$';

/** The place of a value that an operator made. */
export const NO_PLACE = '';

function joinPlace(place: string, key: string | number): string {
  const step = typeof key === 'number' ? `[${key}]` : key;
  return place === DOCUMENT_PLACE || place === NO_PLACE ? step : `${place}.${step}`;
}

/** More steps than any honest path needs; `a..*..*..*` on a large document would otherwise eat all memory. */
const MAX_STEPS = 1_000_000;

/** One evaluation; counts what it looked at. */
export class Evaluation {
  #steps = 0;

  /** Throws PathEvaluationError when the evaluation has become unreasonable. */
  count(steps: number): void {
    this.#steps += steps;
    if (this.#steps > MAX_STEPS) throw new PathEvaluationError(`The path takes more than ${MAX_STEPS} steps`);
  }
}

/** Finds the matches below one datum, in order. Throws PathEvaluationError only. */
export type Finder = (datum: Datum, evaluation: Evaluation) => readonly Datum[];

export const NO_MATCH: readonly Datum[] = [];
