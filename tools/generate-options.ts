import { describeRange } from '../src/config/convert.ts';
import { environmentName } from '../src/config/environment.ts';
import type { Option } from '../src/config/option.ts';
import { compareOptions, printValue } from '../src/config/show.ts';
import { code, codes, pageHead, prose } from './generate-markdown.ts';

/** docs/reference/options.md: every option, by group. Pure. */
export function optionsPage(options: readonly Option[]): string {
  const groups = Map.groupBy(options.toSorted(compareOptions), ({ group }) => group);
  const sections = [...groups].map(
    ([group, members]) => `## [${group}]\n\n${members.map(describeOption).join('\n')}`,
  );
  return `${pageHead('Options', 'src/app/options.ts')}\n${introduction}\n${sections.join('\n')}`;
}

const introduction = `The main configuration file is INI in the dialect of oslo.config, with the names of Ceilometer where it has such an
option. No file is needed: every option has a default.

**Where options come from.** The environment wins over the command line, that over files, files over defaults. Of
several files the later wins, in a file the last line. \`nephoscope config show\` prints every value and its origin.

**Which files are read.** Those named by \`--config-file\` and then all \`*.conf\` of the directories named by
\`--config-dir\`, in order of their names. Without \`--config-file\`: the first \`nephoscope.conf\` found in
\`~/.nephoscope\`, \`~\`, \`/etc/nephoscope\`, \`/etc\`, \`~/.ceilometer\` and \`/etc/ceilometer\`; only if there is none,
the first \`ceilometer.conf\` of the same places. Beside it, \`nephoscope.conf.d\` (or \`ceilometer.conf.d\`) is found in
the same way and read after it.

**How values are written.** \`name = value\` below a \`[group]\`. A comment begins in the first column; behind a value
there is none. Indented lines continue a value. One pair of quotes around a value is taken off. A *list* is split at
commas; a *multi* option is repeated instead. \`$name\` stands for the option of that name in the same group or in
\`DEFAULT\`, \`$group.name\` for one of another group, \`$$\` for a dollar sign (think of it in passwords).

**In the environment** every option is \`OS_<GROUP>__<OPTION>\` in capitals; a multi option is split at commas there.

Options this program does not know are reported as warnings and have no effect.
`;

function describeOption(option: Option): string {
  const facts = [
    `type: ${describeType(option)}`,
    `default: ${describeDefault(option)}`,
    ...(option.choices === undefined ? [] : [`choices: ${codes(option.choices)}`]),
    ...(option.example === undefined ? [] : [`example: ${code(option.example)}`]),
    `environment: ${code(environmentName(option.group, option.name))}`,
    ...(option.deprecatedNames ?? []).map((old) => `old name: ${code(`[${old.group}] ${old.name}`)}`),
    `since ${option.since}`,
  ];
  return `### ${option.name}\n\n${prose(option.doc)}\n\n${facts.map((fact) => `- ${fact}\n`).join('')}`;
}

const typeNames: Readonly<Record<Option['type'], string>> = {
  string: 'text',
  integer: 'integer',
  float: 'number',
  boolean: 'true or false',
  port: 'port',
  list: 'list, separated by commas',
  multi: 'multi: one line for each value',
  secret: 'text, secret',
  'secret-multi': 'multi: one line for each value, secret',
};

/** `integer of at least 1, in seconds`. */
export function describeType(option: Option): string {
  const isNumber = ['integer', 'float', 'port'].includes(option.type);
  const range = isNumber ? describeRange(option) : '';
  const unit = option.unit === undefined ? '' : `, in ${option.unit}`;
  return `${typeNames[option.type]}${range === '' ? '' : ` ${range}`}${unit}`;
}

function describeDefault(option: Option): string {
  return option.default === null ? 'not set' : code(printValue(option, option.default));
}
