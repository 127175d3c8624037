import { Type } from '@sinclair/typebox';
import type { StoredMeter } from '../store/query.ts';
import { boundedList } from './bounded-list.ts';
import { CONDITIONS } from './conditions.ts';
import { createMetadataReader } from './flatten-metadata.ts';
import { flagParameter, LIMIT } from './parameters.ts';
import { renderMeter, renderOldSample, renderUniqueMeter } from './render.ts';
import { type ApiRoute, defineRoute } from './route.ts';
import {
  METER_FIELDS,
  SAMPLE_FIELDS,
  sampleConditions,
  withMeter,
  withoutMeter,
} from './sample-conditions.ts';
import { METER_SCHEMA, OLD_SAMPLE_SCHEMA } from './schemas.ts';

const listMeters = defineRoute({
  method: 'GET',
  path: '/v2/meters',
  tag: 'meters',
  summary: 'Meters of resources, each described by its sample stored last.',
  parameters: {
    conditions: CONDITIONS,
    limit: LIMIT,
    unique: flagParameter('unique', 'Give each meter once, whatever resources have it.'),
  },
  answer: Type.Array(METER_SCHEMA),
  handle: async ({ store, limits }, { query }) => {
    const { filter } = sampleConditions(query.conditions, METER_FIELDS);
    if (!query.unique) {
      const meters = await boundedList(query.limit, limits, (limit) => store.meters(filter, limit));
      return { body: meters.map(renderMeter) };
    }
    // The limit counts what is left of the duplicates, so it can only be applied after them.
    const all = await boundedList(Number.POSITIVE_INFINITY, limits, (limit) => store.meters(filter, limit));
    const unique = [...firstOfEach(all).values()].slice(0, query.limit ?? limits.defaultReturnLimit);
    return { body: unique.map(renderUniqueMeter) };
  },
});

/** What makes a meter, apart from its resource: name, type and unit. */
function firstOfEach(meters: readonly StoredMeter[]): ReadonlyMap<string, StoredMeter> {
  const first = new Map<string, StoredMeter>();
  for (const meter of meters) {
    const key = JSON.stringify([meter.name, meter.type, meter.unit]);
    if (!first.has(key)) first.set(key, meter);
  }
  return first;
}

const listOldSamples = defineRoute({
  method: 'GET',
  path: '/v2/meters/:meter',
  tag: 'samples',
  summary: 'Samples of one meter in their older form, newest first.',
  parameters: { conditions: CONDITIONS, limit: LIMIT },
  answer: Type.Array(OLD_SAMPLE_SCHEMA),
  handle: async ({ store, limits }, { path, query }) => {
    const conditions = sampleConditions(withoutMeter(query.conditions), SAMPLE_FIELDS);
    const filter = withMeter(conditions.filter, path.meter ?? '');
    const samples = await boundedList(query.limit, limits, (limit) => store.samples({ filter, limit }));
    const metadata = createMetadataReader();
    return { body: samples.map((sample) => renderOldSample(sample, metadata(sample.metadataJson))) };
  },
});

/** `/v2/meters` and the samples of one meter. */
export const METER_ROUTES: readonly ApiRoute[] = [listMeters, listOldSamples];
