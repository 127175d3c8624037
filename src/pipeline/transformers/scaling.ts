import {
  compilePythonExpression,
  type ExpressionScope,
  PythonExpressionError,
} from '../../lib/python-expression.ts';
import { FloatToken, type JsonValue } from '../../model/json.ts';
import type { Sample } from '../../model/sample.ts';
import type { ParameterReader } from './parameters.ts';
import { SAMPLE_FIELDS, sampleField } from './sample-fields.ts';

/** What `target.scale` says: a factor, or an expression of the sample's fields. Null: nothing. */
export type Scale =
  | { readonly kind: 'factor'; readonly factor: number }
  | { readonly kind: 'expression'; readonly isConstant: boolean; evaluate(sample: Sample): number };

/** Reads `target.scale`; zero and empty count as nothing, as in the original. */
export function readScale(target: ParameterReader): Scale | null {
  const value = target.value('scale');
  if (value === null || value === '' || value === 0) return null;
  if (typeof value === 'number' && Number.isFinite(value)) return { kind: 'factor', factor: value };
  if (typeof value === 'string') return readExpression(target, value);
  target.error('scale', 'E1132', 'scale is neither a number nor a text with an expression');
  return null;
}

/**
 * The number an expression came to, for a volume. Throws PythonExpressionError for what is no number; the result may be
 * infinite or NaN.
 */
export function toVolume(value: JsonValue): number {
  if (typeof value === 'number') return value;
  if (value instanceof FloatToken) return value.value;
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value);
  throw new PythonExpressionError('The result is not a number', 0);
}

function readExpression(target: ParameterReader, text: string): Scale | null {
  try {
    const expression = compilePythonExpression(text);
    warnAboutNames(target, expression.names);
    const scope = new SampleScope();
    return {
      kind: 'expression',
      isConstant: expression.names.length === 0,
      evaluate: (sample) => toVolume(expression.evaluate(scope.of(sample))),
    };
  } catch (thrown) {
    if (!(thrown instanceof PythonExpressionError)) throw thrown;
    const message = `Bad expression, at its character ${thrown.column}: ${thrown.message}`;
    target.error('scale', 'E1133', message, thrown.column - 1);
    return null;
  }
}

function warnAboutNames(target: ParameterReader, names: readonly string[]): void {
  for (const name of names) {
    if (SAMPLE_FIELDS.includes(name)) continue;
    const message = `The expression names ${name}, which no sample has: it is always empty`;
    target.warn('scale', 'E1135', message, `Fields of a sample are ${SAMPLE_FIELDS.join(', ')}.`);
  }
}

/** One object for all samples: a scale is evaluated for each of them. */
class SampleScope implements ExpressionScope {
  #sample: Sample | undefined;

  of(sample: Sample): this {
    this.#sample = sample;
    return this;
  }

  valueOf(name: string): JsonValue | undefined {
    return this.#sample === undefined ? undefined : sampleField(this.#sample, name);
  }
}
