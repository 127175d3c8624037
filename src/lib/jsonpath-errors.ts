/** A path that cannot be compiled. `offset` counts UTF-16 units of the path's text from 0. */
export class PathSyntaxError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(`${message} (offset ${offset})`);
    this.name = 'PathSyntaxError';
    this.offset = offset;
  }
}

/** A path that does not fit the document it is applied to, such as `[0]` on a mapping. The document is at fault. */
export class PathEvaluationError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PathEvaluationError';
  }
}
