import { compareCodePoints } from '../../lib/code-points.ts';
import { FloatToken, type JsonScalar } from '../../model/json.ts';
import type { GroupField } from '../query.ts';
import { createDescriptorReader } from './descriptor-texts.ts';
import { metadataOf } from './filter-compile.ts';
import { readMetadata } from './metadata-match.ts';
import type { ReadContext } from './read-context.ts';

/** What rows are told apart by beside the bucket: the values of the group fields, then the unit. */
export interface StatisticsGroup {
  readonly values: readonly (string | null)[];
  readonly unit: string | null;
}

export interface GroupNumbers {
  /** The groups by number. */
  readonly groups: readonly StatisticsGroup[];
  /** The number of the group a sample belongs to, made when it is new. */
  numberOf(descriptor: number): number;
  /** Samples that follow are of a meter with this unit. */
  enter(unit: string | null): void;
  /** Group numbers in the order of their values: by field, null first, text by code point. */
  ranks(): readonly number[];
}

/** Numbers the groups of one query; each descriptor is looked at once per unit. */
export function createGroupNumbers(context: ReadContext, fields: readonly GroupField[]): GroupNumbers {
  const groups: StatisticsGroup[] = [];
  const byKey = new Map<string, number>();
  const byUnit = new Map<string | null, Map<number, number>>();
  const describe = createDescriptorReader(context);
  let unit: string | null = null;
  let known = new Map<number, number>();

  function textOfField(descriptor: number, field: GroupField): string | null {
    if (field !== 'metadata.instance_type') return describe(descriptor)[field];
    return toText(readMetadata(metadataOf(context, descriptor), 'instance_type')[0]);
  }

  function find(descriptor: number): number {
    const values = fields.map((field) => textOfField(descriptor, field));
    const key = JSON.stringify([unit, ...values]);
    const number = byKey.get(key) ?? groups.push({ values, unit }) - 1;
    byKey.set(key, number);
    known.set(descriptor, number);
    return number;
  }

  return {
    groups,
    enter(next) {
      unit = next;
      known = byUnit.get(next) ?? new Map();
      byUnit.set(next, known);
    },
    // Without fields a unit is one group, whatever the descriptor.
    numberOf: (descriptor) => {
      const member = fields.length === 0 ? 0 : descriptor;
      return known.get(member) ?? find(member);
    },
    ranks: () => rank(groups),
  };
}

function rank(groups: readonly StatisticsGroup[]): readonly number[] {
  const order = groups.map((_, number) => number).sort((a, b) => compareGroups(groups[a], groups[b]));
  const ranks: number[] = [];
  for (const [position, number] of order.entries()) ranks[number] = position;
  return ranks;
}

function compareGroups(a: StatisticsGroup | undefined, b: StatisticsGroup | undefined): number {
  const left = [...(a?.values ?? []), a?.unit ?? null];
  const right = [...(b?.values ?? []), b?.unit ?? null];
  for (const [index, value] of left.entries()) {
    const other = right[index] ?? null;
    const order =
      value === null || other === null
        ? Number(value !== null) - Number(other !== null)
        : compareCodePoints(value, other);
    if (order !== 0) return order;
  }
  return 0;
}

function toText(value: JsonScalar | undefined): string | null {
  if (value === undefined || value === null) return null;
  return value instanceof FloatToken ? String(value.value) : String(value);
}
