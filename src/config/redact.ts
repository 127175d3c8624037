/** Names of keys and options whose value may open a door; judged by name because the value's owner is unknown. */
const secretName =
  /passw|secret|token|credential|(?:^|[_-])(?:access|private|api|hmac|encrypt\w*)_?key|community/i;

/** Lines without any of these hold nothing to overwrite; most lines are such. */
const suspicious = /:\/\/|passw|secret|token|credential|key|community/i;

/** `name = value` or `name: value` alone on a line: the value goes to the end of the line, blanks and commas included. */
const wholeLine = /^([\s-]*["']?(\w[\w.-]*)["']?\s*[=:]\s*)(.*)$/s;

/** A name and what stands between it and its value, anywhere: `{password: x, …}`, `?password=x&…`. */
const anyName = /(?<![\w.-])([\w.-]+)["']?[ \t]*[=:][ \t]*/g;

/** The value behind a name, up to where the next one may begin. */
const anyValue = /"[^"]*"?|'[^']*'?|[^\s&;,'"}\]]+/y;

/** Whether values under this key or option name are never shown. */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}

/**
 * One line of a file or a message, with what may be a secret overwritten: passwords in URLs and values behind names
 * like `password`. Each character becomes one `*`, so columns keep their meaning. Pure; linear in time.
 */
export function redactLine(line: string): string {
  if (!suspicious.test(line)) return line;
  const [, lead = '', name = '', value = ''] = wholeLine.exec(line) ?? [];
  if (isSecretName(name)) return lead + stars(value);
  return redactNamed(line).replace(/[^\s'"]+/g, redactUrl);
}

function redactNamed(line: string): string {
  let redacted = '';
  let done = 0;
  for (const { 0: found, 1: name = '', index } of line.matchAll(anyName)) {
    // A name inside a value that is overwritten already.
    if (index < done || !isSecretName(name)) continue;
    anyValue.lastIndex = index + found.length;
    const value = anyValue.exec(line)?.[0] ?? '';
    redacted += line.slice(done, index + found.length) + stars(value);
    done = index + found.length + value.length;
  }
  return redacted + line.slice(done);
}

/**
 * `scheme://user:password@host`: from the first colon of the authority to the last @, since passwords hold anything
 * and there may be several hosts. By hand, because patterns for it take quadratic time.
 */
function redactUrl(word: string): string {
  const scheme = word.indexOf('://');
  const from = scheme === -1 ? -1 : word.indexOf(':', scheme + 3);
  const to = word.lastIndexOf('@');
  return from === -1 || to < from
    ? word
    : word.slice(0, from + 1) + stars(word.slice(from + 1, to)) + word.slice(to);
}

function stars(text: string): string {
  return '*'.repeat(text.length);
}
