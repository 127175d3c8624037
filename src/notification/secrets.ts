import { isJsonObject, type JsonValue } from '../model/json.ts';

/**
 * Keys under which services send credentials of whoever made the request, in contexts and, inside dumped objects,
 * in payloads: live tokens, the catalogue of the user's endpoints, passwords for new servers. Also in the spelling of
 * HTTP headers (`HTTP_X_AUTH_TOKEN`).
 */
const secretKey =
  /(?:auth|service|subject|storage)[_-]?token(?:[_-]info)?$|service[_-]?catalog$|aws[_-]creds$|admin_?pass(?:word)?$/i;

/** The shortest key that can match. */
const secretKeyLength = 'authtoken'.length;

/** True for a key whose value is never stored or shown. */
export function isSecretKey(key: string): boolean {
  return key.length >= secretKeyLength && secretKey.test(key);
}

/** Context keys that hold secrets, in the flat form in which messages carry them. */
const secretContextKeys = [
  '_context_auth_token',
  '_context_auth_token_info',
  '_context_service_token',
  '_context_service_catalog',
  '_context_password',
  '_context_aws_creds',
] as const;

/** True for a context key (without prefix) whose value is never stored or shown. */
export function isSecretContextKey(key: string): boolean {
  return key === 'password' || isSecretKey(key);
}

/** Overwrites the secrets of a flat message with null, in place: a path to one finds nothing. */
export function dropContextSecrets(message: Record<string, JsonValue>): void {
  for (const key of secretContextKeys) {
    const value = message[key];
    if (value !== undefined && value !== null) message[key] = null;
  }
}

/**
 * A copy of the value without the secrets in it, for everything that is stored as a whole. Recursive; the caller
 * bounds the depth. Pure.
 */
export function withoutSecrets(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (!isJsonObject(value)) return value;
  const kept = Object.entries(value).filter(([key]) => !isSecretKey(key));
  return Object.fromEntries(kept.map(([key, item]): [string, JsonValue] => [key, withoutSecrets(item)]));
}
