import { type Problem, problem } from '../component/errors.ts';
import { nearestWord } from '../lib/nearest.ts';
import { type IniEntry, normalizeGroup } from './ini.ts';
import type { Option } from './option.ts';

/** Slips reported one by one, and names listed in a summary: a file with more was not written for this program. */
const limits = { slips: 30, names: 300 } as const;

/** The names that are there, to find what was meant. */
interface Known {
  /** Group as written in the reference, by its normalized name. */
  readonly groups: ReadonlyMap<string, string>;
  /** Option names by normalized group. */
  readonly names: ReadonlyMap<string, readonly string[]>;
  /** Groups of an option name. */
  readonly groupsOf: ReadonlyMap<string, readonly string[]>;
}

/**
 * Warns of entries that set no option. What looks like a slip (another group, a near name) gets a warning of its own
 * that says what was probably meant; the rest, such as the many options of an existing ceilometer.conf which belong to
 * parts this program does not have, is one warning per file. Values are not looked at.
 */
export function warnOfUnknownEntries(
  entries: readonly IniEntry[],
  options: readonly Option[],
): readonly Problem[] {
  const known = indexOptions(options);
  const slips: Problem[] = [];
  const rest: IniEntry[] = [];
  const said = new Set<string>();
  for (const entry of entries) {
    const key = `${entry.position.file}\0${normalizeGroup(entry.group)}\0${entry.name}`;
    if (said.has(key)) continue;
    said.add(key);
    const meant = slips.length < limits.slips && rest.length < limits.names ? guess(entry, known) : null;
    if (meant === null) rest.push(entry);
    else slips.push(warning(`[${entry.group}] ${entry.name} has no effect`, entry, `Did you mean ${meant}?`));
  }
  return [...slips, ...summarize(rest)];
}

function indexOptions(options: readonly Option[]): Known {
  const groups = new Map(options.map(({ group }) => [normalizeGroup(group), group]));
  const names = Map.groupBy(options, ({ group }) => normalizeGroup(group));
  const groupsOf = Map.groupBy(options, ({ name }) => name);
  return {
    groups,
    names: new Map([...names].map(([group, found]) => [group, found.map(({ name }) => name)])),
    groupsOf: new Map([...groupsOf].map(([name, found]) => [name, found.map(({ group }) => group)])),
  };
}

function guess(entry: IniEntry, known: Known): string | null {
  const group = normalizeGroup(entry.group);
  const meantGroup = known.groups.has(group) ? group : nearGroup(entry.group, known);
  const names = meantGroup === null ? [] : (known.names.get(meantGroup) ?? []);
  const name = names.includes(entry.name) ? entry.name : nearName(entry.name, names);
  if (meantGroup !== null && name !== null) return `[${known.groups.get(meantGroup)}] ${name}`;
  const elsewhere = known.groupsOf.get(entry.name) ?? [];
  // Names such as `workers` are in many groups, and say nothing then.
  return meantGroup !== null && elsewhere.length === 1 ? `[${elsewhere[0]}] ${entry.name}` : null;
}

function nearGroup(group: string, known: Known): string | null {
  const near = nearestWord(group.trim(), [...known.groups.keys()]);
  return near === undefined ? null : near;
}

/** Slips only: names of other options of the original services are often alike. */
function nearName(name: string, names: readonly string[]): string | null {
  const near = nearestWord(name.replaceAll('-', '_'), names);
  return near !== undefined && Math.abs(near.length - name.length) <= 2 ? near : null;
}

function summarize(entries: readonly IniEntry[]): readonly Problem[] {
  const files = Map.groupBy(entries, ({ position }) => position.file);
  return [...files.values()].flatMap((found) => {
    const [first] = found;
    if (first === undefined) return [];
    const groups = Map.groupBy(found.slice(0, limits.names), ({ group }) => group);
    const list = [...groups].map(([group, of]) => `[${group}] ${of.map(({ name }) => name).join(', ')}`);
    const more = found.length > limits.names ? '; and more' : '';
    const count = found.length === 1 ? 'an option has' : `${found.length} options have`;
    const hint = 'They are left out. Remove them if no other program reads this file.';
    return [
      warning(
        `${count} no effect here: ${list.join('; ')}${more}`,
        first,
        found.length === 1 ? undefined : hint,
      ),
    ];
  });
}

function warning(what: string, entry: IniEntry, hint?: string): Problem {
  const details = hint === undefined ? {} : { hint };
  return problem('E1013', what, entry.position, { severity: 'warning', ...details });
}
