/** The first lines of every generated page. */
export function pageHead(title: string, source: string): string {
  return `# ${title}\n\n<!-- Made by "npm run generate" from ${source}; not to be edited. -->\n`;
}

/** A table; cells are Markdown, of which only what would end the cell is escaped. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |\n`;
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('');
}

/** A text shown letter for letter. */
export function code(text: string): string {
  if (text === '') return '(empty)';
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
}

/** Several texts shown letter for letter. */
export function codes(texts: readonly string[]): string {
  return texts.map(code).join(', ');
}

/** Plain text with code between backticks: nothing else in it is Markdown or HTML. */
export function prose(text: string): string {
  const plain = (part: string) =>
    part.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('*', '\\*');
  return text
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part : plain(part)))
    .join('');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
