/** Names of keys and options whose value may open a door; judged by name because the value's owner is unknown. */
const secretName =
  /passw|passwd|secret|token|credential|(?:^|[_-])(?:access|private|api|hmac|encrypt\w*)_?key|community/i;

/** `name = value` or `name: value` alone on a line: the value goes to the end of the line, blanks and commas included. */
const wholeLine = /^([\s-]*["']?([\w.-]+)["']?\s*[=:]\s*)(.*)$/s;

/** `{password: x, …}`, `?password=x&…`: the value ends where the next one may begin. */
const namedValue =
  /(?<=(?:^|[?&;,\s{"'])["']?([\w.-]+)["']?[ \t]*[=:][ \t]*)(?:"[^"]*"?|'[^']*'?|[^\s&;,'"}\]]+)/g;

/** Whether values under this key or option name are never shown. */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}

/**
 * One line of a file or a message, with what may be a secret overwritten: passwords in URLs and values behind names
 * like `password`. Each character becomes one `*`, so columns keep their meaning. Pure.
 */
export function redactLine(line: string): string {
  const [, lead = '', name = '', value = ''] = wholeLine.exec(line) ?? [];
  if (isSecretName(name)) return lead + stars(value);
  return line
    .replace(namedValue, (text: string, key: string) => (isSecretName(key) ? stars(text) : text))
    .replace(/[^\s'"]+/g, redactUrl);
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
