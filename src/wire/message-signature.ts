import type { JsonObject } from '../model/json.ts';

/** STUB: being written. */
export function signMessage(_message: JsonObject, _secret: string): string {
  throw new Error('being written');
}

/** STUB: being written. */
export function hasValidSignature(_message: JsonObject, _secrets: readonly string[]): boolean {
  throw new Error('being written');
}
