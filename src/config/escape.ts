/** Everything that moves a cursor, ends a line or changes the direction of writing, and halves of characters. */
const unprintable =
  /[\x00-\x1F\x7F-\x9F\u061C\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF\uFFF9-\uFFFB]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

const shortEscapes: Readonly<Record<string, string>> = {
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
};

/** Text that is safe to print on a terminal: control characters as `\x1b`, `\t`, `\u202e`. Pure. */
export function escapeControls(text: string): string {
  return text.replace(
    unprintable,
    (character) => shortEscapes[character] ?? escapeCode(character.charCodeAt(0)),
  );
}

function escapeCode(code: number): string {
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`;
}
