import { fieldOf, type Mapping, mappingsOf, textsOf } from './generate-definitions.ts';
import { code, codes, pageHead, prose, table } from './generate-markdown.ts';

/** A meter that is polled; the pollsters declare them. */
interface PolledMeter {
  readonly name: string;
  readonly type: string;
  readonly unit: string;
  readonly doc: string;
}

/** Meters of one polling namespace. */
export interface PolledMeters {
  readonly namespace: string;
  readonly meters: readonly PolledMeter[];
}

/** docs/reference/meters.md: every meter, from notifications (files of meters.d) and from polling. Pure. */
export function metersPage(files: readonly unknown[], polled: readonly PolledMeters[]): string {
  const definitions = files.flatMap((file) =>
    mappingsOf((file as Mapping)['metric'], 'metric of a meters.d file'),
  );
  const rows = definitions.toSorted(byName).map(describeMeter);
  const head = ['meter', 'type', 'unit', 'volume', 'resource', 'event types'];
  const byNamespace = Map.groupBy(polled, ({ namespace }) => namespace);
  const sections = [...byNamespace].map(([namespace, groups]) => {
    const meters = groups.flatMap((group) => group.meters).toSorted(byName);
    const lines = meters.map(({ name, type, unit, doc }) => [code(name), type, prose(unit), prose(doc)]);
    return `## Polled: ${namespace}\n\n${table(['meter', 'type', 'unit', 'meaning'], lines)}`;
  });
  return [
    pageHead('Meters', 'etc/meters.d and the pollsters'),
    introduction,
    `## From notifications\n\n${table(head, rows)}`,
    ...sections,
  ].join('\n');
}

const introduction = `A *gauge* is a value at a moment, a *delta* what was added since the last sample, a *cumulative* meter only grows until
it is set back. Event types are regular expressions that match from the beginning; paths look into the notification.
`;

function describeMeter(meter: Mapping): readonly string[] {
  return [
    code(String(meter['name'])),
    String(meter['type']),
    describeUnit(meter['unit']),
    describeField(meter['volume']),
    describeField(meter['resource_id']),
    codes(textsOf(meter['event_type'])),
  ];
}

/** A unit that is a path is taken from the notification. */
function describeUnit(unit: unknown): string {
  const text = String(unit);
  return text.startsWith('$') ? code(text) : prose(text);
}

function describeField(value: unknown): string {
  const { paths, plugin } = fieldOf(value);
  return codes(paths) + (plugin === null ? '' : `, through ${code(plugin)}`);
}

function byName(one: { readonly name?: unknown }, other: { readonly name?: unknown }): number {
  return String(one.name) < String(other.name) ? -1 : 1;
}
