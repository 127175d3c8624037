import { pageHead, prose, table } from './generate-markdown.ts';

/** What the first three characters of a code say about where it comes from. */
const areas: Readonly<Record<string, string>> = {
  E10: 'Configuration files, options, environment',
  E11: 'pipeline.yaml and event_pipeline.yaml',
  E12: 'Event and meter definitions',
  E13: 'YAML',
  E20: 'Message broker',
  E30: 'Store',
  E40: 'HTTP interface and queries',
  E50: 'Notifications and parking',
  E60: 'Command line',
  E70: 'Polling',
  E80: 'Publishers',
};

/** What an error code means. */
type Entry = Readonly<{ title: string; hint: string }>;

/** docs/reference/errors.md: every error code, what happened, what to do. Throws for a code of no known area. Pure. */
export function errorsPage(codes: Readonly<Record<string, Entry>>): string {
  const byArea = Map.groupBy(Object.entries(codes), ([name]) => name.slice(0, 3));
  const sections = [...byArea].toSorted(byName).map(([area, entries]) => {
    const title = areas[area];
    if (title === undefined) throw new Error(`The error codes ${area}xx need an area in generate-errors.ts`);
    const rows = entries
      .toSorted(byName)
      .map(([name, { title: what, hint }]) => [name, prose(what), prose(hint)]);
    return `## ${area}xx ${title}\n\n${table(['code', 'what happened', 'what to do'], rows)}`;
  });
  const introduction = `Every error and warning has a code that never changes its meaning. \`nephoscope explain CODE\` prints the same.\n`;
  return `${pageHead('Error codes', 'src/component/error-codes.ts')}\n${introduction}\n${sections.join('\n')}`;
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : Number(one > other);
}
