import { Type } from '@sinclair/typebox';
import { boundedList } from './bounded-list.ts';
import { CONDITIONS } from './conditions.ts';
import { notFound } from './errors.ts';
import { createMetadataReader } from './flatten-metadata.ts';
import { LIMIT } from './parameters.ts';
import { renderSample } from './render.ts';
import { type ApiRoute, defineRoute } from './route.ts';
import { SAMPLE_FIELDS, sampleConditions } from './sample-conditions.ts';
import { SAMPLE_SCHEMA } from './schemas.ts';

const listSamples = defineRoute({
  method: 'GET',
  path: '/v2/samples',
  tag: 'samples',
  summary: 'Samples, newest first.',
  parameters: { conditions: CONDITIONS, limit: LIMIT },
  answer: Type.Array(SAMPLE_SCHEMA),
  handle: async ({ store, limits }, { query }) => {
    const { filter } = sampleConditions(query.conditions, SAMPLE_FIELDS);
    const samples = await boundedList(query.limit, limits, (limit) =>
      store.samples({ ...(filter && { filter }), limit }),
    );
    const metadata = createMetadataReader();
    return { body: samples.map((sample) => renderSample(sample, metadata(sample.metadataJson))) };
  },
});

const showSample = defineRoute({
  method: 'GET',
  path: '/v2/samples/:id',
  tag: 'samples',
  summary: 'One sample.',
  answer: SAMPLE_SCHEMA,
  handle: async ({ store }, { path }) => {
    const id = path.id ?? '';
    const sample = await store.sample(id);
    if (sample === null) throw notFound('Sample', id);
    return { body: renderSample(sample, createMetadataReader()(sample.metadataJson)) };
  },
});

/** `/v2/samples` and one sample of it. */
export const SAMPLE_ROUTES: readonly ApiRoute[] = [listSamples, showSample];
