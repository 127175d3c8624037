import type { PublisherDefinition, UrlParameter } from '../src/publishers/publisher.ts';
import { describeParameterRange } from '../src/publishers/publisher-url-values.ts';
import { code, codes, pageHead, prose, table } from './generate-markdown.ts';

/** docs/reference/publishers.md: every kind of publisher, by its first scheme. `common` are the parameters all have. Pure. */
export function publishersPage(
  definitions: readonly PublisherDefinition[],
  common: readonly UrlParameter[],
): string {
  const sorted = definitions.toSorted((one, other) => (schemeOf(one) < schemeOf(other) ? -1 : 1));
  const sections = sorted.map(describePublisher);
  return `${pageHead('Publishers', 'src/publishers/registry.ts')}\n${introduction}\n${parameterTable(common)}\n${sections.join('\n')}`;
}

const introduction = `A publisher stands in a sink of \`pipeline.yaml\` (samples) or \`event_pipeline.yaml\` (events) as a URL; without \`://\`
it gets one. A URL that cannot be right is a mistake of the file: \`nephoscope config check\` shows it with its line, and
nothing starts with it. Each distinct URL is one publisher, whatever the number of sinks that name it.

Names and values in the query are percent-decoded, and so are user and password: write \`%40\` for an \`@\`, \`%2F\` for a
\`/\`. A parameter without a value counts as not given. Numbers are digits, boolean values true or false.

## What all have in common

A runner stands before every publisher but \`store://\`. It gathers what pipelines send into batches, in order, repeats what
the target cannot take now, singles out what the target refuses for good, and counts it all
(\`nephoscope_publisher_…\`, label \`publisher\`). \`/readyz\` and the log name a target that cannot be reached, why, and since when.

What is refused for good goes back to the pipeline, which parks the notification it came from. With \`policy=queue\` that
is over already: then the samples themselves are parked, as a notification that \`nephoscope parked replay\` takes, and events
as their notification if they hold it (\`[event] store_raw\`).

The queue on disk is a directory below \`STATE_DIR/spool\`, with a file for each batch that is deleted when the batch is
delivered. It belongs to the target: with another host, path or topic in the URL a new one begins, and the old one is
named at the start (E8009) until its URL comes back or somebody deletes it. A file that cannot be read is kept with the
ending \`.unreadable\`.

These parameters belong to the runner and may stand in every URL:
`;

function describePublisher(definition: PublisherDefinition): string {
  const { schemes, summary, form, examples, parameters, passesQueryOn, delivery } = definition;
  const kinds = [
    ...(definition.samples === undefined ? [] : ['samples']),
    ...(definition.events === undefined ? [] : ['events']),
  ];
  const facts = [
    `takes ${kinds.join(' and ')}`,
    `URL: ${code(form)}`,
    ...(examples.length === 0 ? [] : [`for example: ${codes(examples)}`]),
    ...(schemes.length === 1 ? [] : [`schemes: ${codes(schemes)}`]),
    ...(delivery?.isDirect === true
      ? ['batches and repeats by itself; none of the common parameters apply']
      : []),
    ...(passesQueryOn === true ? ['what of the query is no parameter stays in the URL of the target'] : []),
  ];
  const list = facts.map((fact) => `- ${fact}\n`).join('');
  const own = parameters.length === 0 ? '' : `\n${parameterTable(parameters)}`;
  return `## ${schemeOf(definition)}\n\n${prose(summary)}\n\n${list}${own}`;
}

function parameterTable(parameters: readonly UrlParameter[]): string {
  const rows = parameters.map((parameter) => [
    code(parameter.name),
    describeType(parameter),
    describeDefault(parameter),
    prose(parameter.doc),
  ]);
  return table(['parameter', 'value', 'default', 'what it does'], rows);
}

const TYPES: Readonly<Record<UrlParameter['type'], string>> = {
  text: 'text',
  texts: 'text, may be repeated',
  integer: 'whole number',
  float: 'number',
  boolean: 'true or false',
  flag: 'flag: present or not',
};

function describeType(parameter: UrlParameter): string {
  if (parameter.choices !== undefined) return `one of ${codes(parameter.choices)}`;
  const range = describeParameterRange(parameter);
  const unit = parameter.unit === undefined ? '' : `, in ${parameter.unit}`;
  return `${TYPES[parameter.type]}${range === '' ? '' : ` ${range}`}${unit}`;
}

function describeDefault({ default: value, type }: UrlParameter): string {
  if (type === 'flag') return 'not present';
  if (value === null || (Array.isArray(value) && value.length === 0)) return 'not set';
  return code(Array.isArray(value) ? value.join(', ') : String(value));
}

function schemeOf({ schemes }: PublisherDefinition): string {
  return schemes[0] ?? '';
}
