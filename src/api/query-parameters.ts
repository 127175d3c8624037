import { badValue } from './errors.ts';

/** The parameters of a request: all values of each name, in the order they came. */
export type QueryParameters = ReadonlyMap<string, readonly string[]>;

/**
 * Reads the part of a URL behind `?`. Repeated names keep their order, `+` is a space, broken percent signs stay as
 * they are. Throws an `ApiError` (400) for a NUL character, which no store can hold. Pure.
 */
export function parseQueryString(text: string): QueryParameters {
  const parameters = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    refuseNul(name, value);
    const values = parameters.get(name);
    if (values === undefined) parameters.set(name, [value]);
    else values.push(value);
  }
  return parameters;
}

/** Throws an `ApiError` (400) when the name or the value of a parameter holds a NUL character. */
export function refuseNul(name: string, value: string): void {
  if (name.includes('\0')) throw badValue('A parameter name holds a NUL character');
  if (value.includes('\0')) throw badValue(`The value of ${name} holds a NUL character`);
}
