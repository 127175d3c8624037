import { Type } from '@sinclair/typebox';
import type { GroupField, StatisticsRow } from '../store/query.ts';
import { refuseTooMany } from './bounded-list.ts';
import { CONDITIONS } from './conditions.ts';
import { renderStatistics } from './render-statistics.ts';
import { type ApiRoute, defineRoute } from './route.ts';
import { SAMPLE_FIELDS, sampleConditions, withoutMeter } from './sample-conditions.ts';
import { STATISTICS_SCHEMA } from './schemas.ts';
import { AGGREGATES, GROUP_BY, outOfRange, PERIOD, STANDARD_AGGREGATES } from './statistics-parameters.ts';

const showStatistics = defineRoute({
  method: 'GET',
  path: '/v2/meters/:meter/statistics',
  tag: 'statistics',
  summary: 'Statistics of the samples of one meter, by period, group and unit.',
  parameters: { conditions: CONDITIONS, period: PERIOD, groupBy: GROUP_BY, aggregates: AGGREGATES },
  answer: Type.Array(STATISTICS_SCHEMA),
  handle: async ({ store, limits }, { path, query }) => {
    const conditions = sampleConditions(withoutMeter(query.conditions), SAMPLE_FIELDS);
    const selected = query.aggregates.length > 0;
    const aggregates = selected ? query.aggregates : STANDARD_AGGREGATES;
    const rows = await store.statistics({
      meter: path.meter ?? '',
      ...(conditions.filter && { filter: conditions.filter }),
      periodSeconds: query.period,
      ...(conditions.start && { startMicros: conditions.start.micros }),
      ...(conditions.end && { endMicros: conditions.end.micros }),
      groupBy: query.groupBy,
      aggregates: aggregates.map(({ aggregate }) => aggregate),
    });
    const grouped = rows.filter((row) => belongsToGroup(row, query.groupBy));
    if (grouped.some(leavesCalendar)) throw outOfRange(query.period);
    const shape = {
      groupBy: query.groupBy,
      periodSeconds: query.period,
      aggregates,
      selected,
      range: conditions,
    };
    return { body: refuseTooMany(grouped, limits).map((row) => renderStatistics(row, shape)) };
  },
});

/** As in the original, samples without the metadata key that is grouped by are in no group; without a user they are. */
function belongsToGroup({ group }: StatisticsRow, groupBy: readonly GroupField[]): boolean {
  return groupBy.every((field, index) => field !== 'metadata.instance_type' || group[index] !== null);
}

/** The years 1 and 9999 are the ends of the calendar; a bucket that begins or ends outside has no text. */
const CALENDAR_START_MICROS = -62_135_596_800_000_000;
const CALENDAR_END_MICROS = 253_402_300_799_000_000;

function leavesCalendar({ periodStartMicros, periodEndMicros }: StatisticsRow): boolean {
  return periodStartMicros < CALENDAR_START_MICROS || periodEndMicros > CALENDAR_END_MICROS;
}

/** `/v2/meters/{name}/statistics`. */
export const STATISTICS_ROUTES: readonly ApiRoute[] = [showStatistics];
