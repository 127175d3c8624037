/**
 * Fields that never show their value in a log line, wherever a part put them: at the top or one object deep.
 * The second line of defence: options that hold secrets are of the `Secret` type, which cannot be printed at all.
 */
const SECRET_NAMES = [
  'password',
  'passwd',
  'secret',
  'secret_key',
  'telemetry_secret',
  'token',
  'auth_token',
  'authToken',
  'access_key',
  'private_key',
  'authorization',
  'Authorization',
  'cookie',
  'x-auth-token',
  'X-Auth-Token',
  'x-subject-token',
  'X-Subject-Token',
  'transport_url',
  'transportUrl',
  'connection',
] as const;

/** `SECRET_NAMES` as paths, at the top of a line and one object deep. */
export const SECRET_PATHS: readonly string[] = SECRET_NAMES.flatMap((name) => [
  `["${name}"]`,
  `*["${name}"]`,
]);

// Between `//` and `@` no blank, quote or slash can stand, so a scan is linear in the length of the text.
const URL_PASSWORD = /(\/\/[^\s:@/"\\]*):[^\s@/"\\]*@/g;

/** Hides the password of every `scheme://user:password@host` in a text. Linear in its length. */
export function maskUrlPasswords(text: string): string {
  return text.includes('@') ? text.replace(URL_PASSWORD, '$1:(secret)@') : text;
}
