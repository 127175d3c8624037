import { fieldOf, isMapping, type Mapping, mappingsOf, textsOf } from './generate-definitions.ts';
import { code, codes, pageHead, table } from './generate-markdown.ts';

/** docs/reference/events.md: which event types have which traits, by the shipped definitions. Pure. */
export function eventsPage(definitions: unknown): string {
  const sections = mappingsOf(definitions, 'event_definitions.yaml').map(describeDefinition);
  return `${pageHead('Events', 'etc/event_definitions.yaml')}\n${introduction}\n${sections.join('\n')}`;
}

const introduction = `Every notification becomes an event. Of the definitions below, in the order of the file, the **last** one that matches
the event type gives the traits; nothing is merged. Every event also has \`service\`, \`request_id\`, \`project_id\`,
\`tenant_id\` and \`user_id\`, where the notification has them, unless its definition says otherwise; an event that no
definition matches has these alone. A trait whose paths find nothing is left out. Of several paths the first that finds
something counts.
`;

function describeDefinition(definition: Mapping): string {
  const types = codes(textsOf(definition['event_type']));
  const traits = isMapping(definition['traits']) ? Object.entries(definition['traits']) : [];
  const body =
    traits.length === 0
      ? 'No traits of its own.\n'
      : table(['trait', 'type', 'from'], traits.map(describeTrait));
  return `## ${types}\n\n${body}`;
}

function describeTrait([name, value]: readonly [string, unknown]): readonly string[] {
  const type = isMapping(value) ? String(value['type'] ?? 'text') : 'text';
  const { paths, plugin } = fieldOf(value);
  return [code(name), type, codes(paths) + (plugin === null ? '' : `, through ${code(plugin)}`)];
}
