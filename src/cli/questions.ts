import { InvalidArgumentError, Option } from 'commander';
import type { ApiCall } from './http-client.ts';
import type { OutputFormat } from './output.ts';
import { type ApiCondition, WHERE_FIELDS, type WhereFields, whereConditions } from './where-conditions.ts';

/** What all questions share. */
export interface QueryOptions {
  readonly apiUrl: string;
  readonly format: OutputFormat;
  /** Empty: the usual ones. */
  readonly column: readonly string[];
  readonly showRequest?: boolean;
  readonly where?: string;
  readonly limit?: string;
  readonly unique?: boolean;
  readonly meter?: string;
  readonly period?: string;
  readonly groupby?: readonly string[];
  readonly aggregate?: readonly string[];
  readonly eventType?: string;
  readonly trait?: string;
}

export const QUERY_KINDS = ['meters', 'samples', 'statistics', 'resources', 'events', 'traits'] as const;
export type QueryKind = (typeof QUERY_KINDS)[number];

/** A kind of question: how it is asked and what a table of its answer shows. */
export interface Question {
  readonly summary: string;
  readonly example: string;
  /** Columns of a table; other formats have all. */
  readonly columns: readonly string[];
  /** Options it needs or takes, of those below. */
  readonly options: readonly Option[];
  call(options: QueryOptions): ApiCall;
}

/** Parameters in the order ceilometerclient sends them: all fields, all operators, all types, all values. */
function conditionParameters(conditions: readonly ApiCondition[]): ApiCall['parameters'] {
  const of = (name: string, part: keyof ApiCondition) =>
    conditions.map((condition) => [`q.${name}`, condition[part]] as const);
  return [...of('field', 'field'), ...of('op', 'op'), ...of('type', 'type'), ...of('value', 'value')];
}

function ask(
  path: string,
  fields: WhereFields,
  options: QueryOptions,
  more: { readonly conditions?: readonly ApiCondition[]; readonly parameters?: ApiCall['parameters'] } = {},
): ApiCall {
  const asked = options.where === undefined ? [] : whereConditions(options.where, fields);
  const limit = options.limit === undefined ? [] : [['limit', options.limit] as const];
  return {
    method: 'GET',
    path,
    parameters: [
      ...conditionParameters([...(more.conditions ?? []), ...asked]),
      ...limit,
      ...(more.parameters ?? []),
    ],
  };
}

function equal(field: string, value: string | undefined): readonly ApiCondition[] {
  return value === undefined ? [] : [{ field, op: 'eq', type: '', value }];
}

/** Functions with a parameter come first: the API pairs functions and parameters by position. */
function aggregateParameters(aggregates: readonly string[]): ApiCall['parameters'] {
  const pairs = aggregates.map((aggregate) => aggregate.split(':', 2));
  const sorted = [...pairs.filter((pair) => pair.length > 1), ...pairs.filter((pair) => pair.length === 1)];
  return [
    ...sorted.map(([func = '']) => ['aggregate.func', func] as const),
    ...sorted.flatMap(([, param]) => (param === undefined ? [] : [['aggregate.param', param] as const])),
  ];
}

function statisticsParameters(options: QueryOptions): ApiCall['parameters'] {
  return [
    ...(options.period === undefined ? [] : [['period', options.period] as const]),
    ...(options.groupby ?? []).map((field) => ['groupby', field] as const),
    ...aggregateParameters(options.aggregate ?? []),
  ];
}

const WHERE = new Option(
  '--where <conditions>',
  "conditions joined by and, e.g. 'project=demo and timestamp>=2026-03-01'",
);
const LIMIT = new Option(
  '--limit <count>',
  'how many items at most (the server decides when absent)',
).argParser(wholeNumber);
const METER = new Option('--meter <name>', 'name of the meter, e.g. cpu');
const EVENT_TYPE = new Option(
  '--event-type <type>',
  'only events of this type, e.g. compute.instance.create.end',
);

/** All questions. */
export const QUESTIONS: Readonly<Record<QueryKind, Question>> = {
  meters: {
    summary: 'Meters of resources.',
    example: "nephoscope query meters --where 'project=demo' --unique",
    columns: ['name', 'type', 'unit', 'resource_id', 'user_id', 'project_id'],
    options: [WHERE, LIMIT, new Option('--unique', 'each meter once, whatever resources have it')],
    call: (options) =>
      ask('/v2/meters', WHERE_FIELDS.meters, options, {
        parameters: options.unique === true ? [['unique', 'True']] : [],
      }),
  },
  samples: {
    summary: 'Samples, newest first.',
    example: 'nephoscope query samples --meter cpu --where "metadata.display_name=\'my vm\'" --limit 10',
    columns: ['timestamp', 'meter', 'type', 'volume', 'unit', 'resource_id'],
    options: [WHERE, LIMIT, METER],
    call: (options) =>
      ask('/v2/samples', WHERE_FIELDS.samples, options, { conditions: equal('meter', options.meter) }),
  },
  statistics: {
    summary: 'Statistics of one meter, by period and group.',
    example: 'nephoscope query statistics --meter cpu --period 3600 --groupby resource_id --aggregate max',
    columns: [
      'period',
      'period_start',
      'period_end',
      'groupby',
      'unit',
      'aggregate',
      'max',
      'min',
      'avg',
      'sum',
      'count',
      'duration',
    ],
    options: [
      WHERE,
      new Option('--meter <name>', 'name of the meter, e.g. cpu').makeOptionMandatory(),
      new Option('--period <seconds>', 'length of the buckets; one bucket when absent').argParser(
        wholeNumber,
      ),
      repeatable(
        '--groupby <field>',
        'user_id, resource_id, project_id, source or resource_metadata.instance_type',
      ),
      repeatable(
        '--aggregate <function[:param]>',
        'max, min, avg, sum, count, stddev or cardinality:FIELD instead of the usual five',
      ),
    ],
    call: (options) =>
      ask(
        `/v2/meters/${encodeURIComponent(options.meter ?? '')}/statistics`,
        WHERE_FIELDS.statistics,
        options,
        {
          parameters: statisticsParameters(options),
        },
      ),
  },
  resources: {
    summary: 'Resources that have samples.',
    example:
      "nephoscope query resources --where 'timestamp>=2026-03-01' -c resource_id -c metadata.display_name",
    columns: [
      'resource_id',
      'source',
      'user_id',
      'project_id',
      'first_sample_timestamp',
      'last_sample_timestamp',
    ],
    options: [WHERE, LIMIT],
    call: (options) =>
      ask('/v2/resources', WHERE_FIELDS.resources, options, { parameters: [['meter_links', '0']] }),
  },
  events: {
    summary: 'Events, oldest first. In --where every other field is a trait.',
    example: "nephoscope query events --event-type compute.instance.create.end --where 'memory_mb>=2048'",
    columns: ['generated', 'event_type', 'message_id'],
    options: [WHERE, LIMIT, EVENT_TYPE],
    call: (options) =>
      ask('/v2/events', WHERE_FIELDS.events, options, { conditions: equal('event_type', options.eventType) }),
  },
  traits: {
    summary:
      'Event types; with --event-type the traits of one type; with --trait too, the values of one trait.',
    example: 'nephoscope query traits --event-type compute.instance.create.end --trait memory_mb',
    columns: ['event_type', 'name', 'type', 'value'],
    options: [
      new Option('--event-type <type>', 'show the traits of this event type'),
      new Option('--trait <name>', 'show the values of this trait of the event type'),
    ],
    call: ({ eventType, trait }) => ({ method: 'GET', path: traitPath(eventType, trait), parameters: [] }),
  },
};

function traitPath(eventType: string | undefined, trait: string | undefined): string {
  if (eventType === undefined) return '/v2/event_types';
  const traits = `/v2/event_types/${encodeURIComponent(eventType)}/traits`;
  return trait === undefined ? traits : `${traits}/${encodeURIComponent(trait)}`;
}

function repeatable(flags: string, description: string): Option {
  return new Option(flags, `${description} (repeatable)`).argParser(collect).default([], 'none');
}

/** Keeps all values of an option that may be repeated. */
export function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}

function wholeNumber(text: string): string {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It is a whole number.');
  return text;
}
