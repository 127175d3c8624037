import type { Option } from '../src/config/option.ts';
import { compareOptions, printValue } from '../src/config/show.ts';
import { describeType } from './generate-options.ts';

/** Width of comment lines, with their `# `. */
const width = 100;

/**
 * etc/nephoscope.conf.sample: every option as a comment with its default, so that the file changes nothing until a
 * `#` directly before a name is taken away. An option without default shows its example. Pure.
 */
export function sampleConfig(options: readonly Option[]): string {
  const groups = Map.groupBy(options.toSorted(compareOptions), ({ group }) => group);
  const sections = [...groups].map(([group, members]) => `[${group}]\n\n${members.map(describe).join('\n')}`);
  return `${head}\n${sections.join('\n\n')}`;
}

const head = `# Sample configuration of nephoscope, made by "npm run generate".
#
# Every option stands here as a comment with its default, or with an example where it has none. To change one, take
# the # before its name away. What this file can do is described in docs/reference/options.md.
`;

function describe(option: Option): string {
  const choices = option.choices === undefined ? '' : ` One of: ${option.choices.join(', ')}.`;
  const comment = wrap(`${option.doc} (${describeType(option)})${choices}`);
  return comment.map((line) => `# ${line}\n`).join('') + assignments(option);
}

function assignments(option: Option): string {
  const values = Array.isArray(option.default) && option.type !== 'list' ? option.default : [option.default];
  const texts = values.map((value: Option['default']) => shownValue(option, value));
  const lines = texts.length === 0 ? [exampleOf(option)] : texts;
  return lines
    .map((text) => `#${option.name} = ${text}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('');
}

function shownValue(option: Option, value: Option['default']): string {
  if (value === null) return exampleOf(option);
  const text = printValue(option, value);
  // The reader takes blanks and one pair of quotes away.
  return text !== text.trim() || /^(["']).*\1$/s.test(text) ? `"${text}"` : text;
}

function exampleOf(option: Option): string {
  const byType: Partial<Record<Option['type'], string>> = {
    boolean: 'true',
    integer: '1',
    float: '1',
    port: '1',
  };
  return option.example ?? option.choices?.[0] ?? byType[option.type] ?? '';
}

function wrap(text: string): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + word.length + 1 > width - 2) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
