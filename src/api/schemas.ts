import { Type } from '@sinclair/typebox';

/** The shapes of answers, for the OpenAPI document; tests check answers against them. */

/** A text that may be missing. */
export const NULLABLE_TEXT = Type.Union([Type.String(), Type.Null()]);
/** A number that may be missing. */
const NULLABLE_NUMBER = Type.Union([Type.Number(), Type.Null()]);
/** A time in UTC without zone; microseconds only where they are not zero. */
export const NAIVE_TIME = Type.String({
  description: 'ISO 8601 in UTC without zone, microseconds only where they are not zero',
  examples: ['2026-03-01T10:00:00', '2026-03-01T10:00:00.123456'],
});

const SAMPLE_TYPE = Type.Union([Type.Literal('gauge'), Type.Literal('delta'), Type.Literal('cumulative')]);
const FLAT_METADATA = Type.Record(Type.String(), Type.String());

export const METER_SCHEMA = Type.Object(
  {
    name: Type.String(),
    type: SAMPLE_TYPE,
    unit: NULLABLE_TEXT,
    resource_id: NULLABLE_TEXT,
    project_id: NULLABLE_TEXT,
    user_id: NULLABLE_TEXT,
    source: NULLABLE_TEXT,
    meter_id: Type.String(),
  },
  { additionalProperties: false, title: 'Meter' },
);

/** Present only where more than one cloud is watched. */
const DEPLOYMENT = Type.Optional(Type.String({ description: 'Cloud or cell it came from' }));

export const OLD_SAMPLE_SCHEMA = Type.Object(
  {
    source: Type.String(),
    counter_name: Type.String(),
    counter_type: SAMPLE_TYPE,
    counter_unit: NULLABLE_TEXT,
    counter_volume: Type.Number(),
    user_id: NULLABLE_TEXT,
    project_id: NULLABLE_TEXT,
    resource_id: Type.String(),
    timestamp: NAIVE_TIME,
    recorded_at: NAIVE_TIME,
    resource_metadata: FLAT_METADATA,
    message_id: Type.String(),
    deployment: DEPLOYMENT,
  },
  { additionalProperties: false, title: 'OldSample' },
);

export const SAMPLE_SCHEMA = Type.Object(
  {
    id: Type.String(),
    meter: Type.String(),
    type: SAMPLE_TYPE,
    unit: NULLABLE_TEXT,
    volume: Type.Number(),
    user_id: NULLABLE_TEXT,
    project_id: NULLABLE_TEXT,
    resource_id: Type.String(),
    source: Type.String(),
    timestamp: NAIVE_TIME,
    recorded_at: NAIVE_TIME,
    metadata: FLAT_METADATA,
    deployment: DEPLOYMENT,
  },
  { additionalProperties: false, title: 'Sample' },
);

export const RESOURCE_SCHEMA = Type.Object(
  {
    resource_id: Type.String(),
    project_id: NULLABLE_TEXT,
    user_id: NULLABLE_TEXT,
    first_sample_timestamp: NAIVE_TIME,
    last_sample_timestamp: NAIVE_TIME,
    metadata: FLAT_METADATA,
    links: Type.Array(
      Type.Object({ href: Type.String(), rel: Type.String() }, { additionalProperties: false }),
    ),
    source: Type.String(),
  },
  { additionalProperties: false, title: 'Resource' },
);

const STATISTIC = Type.Optional(Type.Number());

export const STATISTICS_SCHEMA = Type.Object(
  {
    groupby: Type.Union([Type.Record(Type.String(), NULLABLE_TEXT), Type.Null()]),
    unit: NULLABLE_TEXT,
    min: STATISTIC,
    max: STATISTIC,
    avg: STATISTIC,
    sum: STATISTIC,
    count: Type.Optional(Type.Integer()),
    aggregate: Type.Optional(Type.Record(Type.String(), Type.Number())),
    duration: NULLABLE_NUMBER,
    duration_start: Type.Union([NAIVE_TIME, Type.Null()]),
    duration_end: Type.Union([NAIVE_TIME, Type.Null()]),
    period: Type.Integer({ description: 'Seconds; 0 for one bucket over the whole range' }),
    period_start: NAIVE_TIME,
    period_end: NAIVE_TIME,
  },
  { additionalProperties: false, title: 'Statistics' },
);

const TRAIT_TYPE_NAME = Type.Union(
  ['none', 'string', 'integer', 'float', 'datetime'].map((name) => Type.Literal(name)),
);

export const TRAIT_SCHEMA = Type.Object(
  { name: Type.String(), value: Type.String(), type: TRAIT_TYPE_NAME },
  { additionalProperties: false, title: 'Trait' },
);

export const TRAIT_DESCRIPTION_SCHEMA = Type.Object(
  { type: TRAIT_TYPE_NAME, name: Type.String() },
  { additionalProperties: false, title: 'TraitDescription' },
);

export const EVENT_SCHEMA = Type.Object(
  {
    message_id: Type.String(),
    event_type: Type.String(),
    generated: NAIVE_TIME,
    deployment: DEPLOYMENT,
    traits: Type.Array(TRAIT_SCHEMA),
    raw: Type.Record(Type.String(), Type.Unknown()),
  },
  { additionalProperties: false, title: 'Event' },
);
