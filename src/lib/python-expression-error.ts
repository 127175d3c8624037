/**
 * What is wrong with a Python expression, or with the values it met: the only error that reading and evaluating one
 * throws. `column` counts from 1 in UTF-16 units of the expression's text.
 */
export class PythonExpressionError extends Error {
  readonly column: number;

  constructor(message: string, offset: number) {
    super(message);
    this.name = 'PythonExpressionError';
    this.column = offset + 1;
  }
}
