import { type Position, type Problem, problem } from '../component/errors.ts';
import type { YamlDocument } from '../config/yaml.ts';
import { nearestWord } from '../lib/nearest.ts';
import { checkPatterns } from './patterns.ts';
import { checkTransformers } from './plan-transformers.ts';
import type { TransformerSpec } from './sink-transform.ts';
import type { TransformerDefinition } from './transformers/transformer.ts';

/** pipeline.yaml carries samples and matches `meters`; event_pipeline.yaml carries events and matches `events`. */
export type PipelineKind = 'sample' | 'event';

/**
 * One (source, sink) pair of a pipeline file, as data: what it takes and where that goes.
 * `name` is the source's when equal to the sink's, else `source:sink`; event pipelines begin with `event:`.
 */
export interface Pipeline {
  readonly name: string;
  readonly source: string;
  readonly sink: string;
  readonly patterns: readonly string[];
  /** Publisher URLs in the order of the file, with `://` appended where the file leaves it out. */
  readonly publishers: readonly string[];
  /** What samples go through before they are published, in this order; the same for each pipeline of a sink. */
  readonly transformers: readonly TransformerSpec[];
}

/** What a whole pipeline file asks for: pipelines in order of processing. Pure data, so two plans can be compared. */
export interface PipelinePlan {
  readonly kind: PipelineKind;
  readonly pipelines: readonly Pipeline[];
}

const PATTERN_KEY = { sample: 'meters', event: 'events' } as const;
const PREFIX = { sample: '', event: 'event:' } as const;

/** Keys with a meaning elsewhere (polling.yaml) or in older releases; they do nothing in a pipeline file today. */
const SOURCE_KEYS = ['name', 'meters', 'events', 'counters', 'sinks', 'interval', 'resources', 'discovery'];
const SINK_KEYS = ['name', 'publishers', 'transformers'];

/**
 * Checks a pipeline file and makes the plan of it. Pure.
 *
 * `schemes` are the publisher schemes that exist for this kind, `transformers` what a sink may name. All mistakes are reported, each with its position;
 * `plan` is null when there is an error among them. Meaning and texts after Ceilometer's pipeline definitions
 * (reference: pipelines.md sections 2 to 4); a publisher nobody knows is an error here, there it is a log line.
 */
export function planPipelines(
  kind: PipelineKind,
  document: YamlDocument,
  schemes: readonly string[],
  transformers: readonly TransformerDefinition[],
): { readonly plan: PipelinePlan | null; readonly problems: readonly Problem[] } {
  const check = new PlanCheck(kind, document, schemes, transformers);
  const pipelines = check.run();
  const failed = check.problems.some(({ severity }) => severity === 'error');
  return { plan: failed ? null : { kind, pipelines }, problems: check.problems };
}

type Path = readonly (string | number)[];
interface Named {
  readonly name: string;
  readonly path: Path;
}
interface SourceSpec extends Named {
  readonly patterns: readonly string[];
  readonly sinks: readonly string[];
}
interface SinkSpec extends Named {
  readonly publishers: readonly string[];
  readonly transformers: readonly TransformerSpec[];
}

class PlanCheck {
  readonly problems: Problem[] = [];
  readonly #kind: PipelineKind;
  readonly #document: YamlDocument;
  readonly #schemes: readonly string[];
  readonly #transformers: readonly TransformerDefinition[];

  constructor(
    kind: PipelineKind,
    document: YamlDocument,
    schemes: readonly string[],
    transformers: readonly TransformerDefinition[],
  ) {
    this.#kind = kind;
    this.#document = document;
    this.#schemes = schemes;
    this.#transformers = transformers;
  }

  run(): readonly Pipeline[] {
    const root = this.#document.value;
    if (!isMapping(root)) {
      this.#add('E1101', `The file holds ${describe(root)} instead of a mapping with sources and sinks`, []);
      return [];
    }
    if (root['sources'] === undefined || root['sinks'] === undefined) {
      this.#add('E1102', 'Both sources & sinks are required', []);
    }
    const sources = this.#entries(root, 'sources').flatMap(([entry, path]) => this.#source(entry, path));
    const sinks = this.#entries(root, 'sinks').flatMap(([entry, path]) => this.#sink(entry, path));
    this.#unique('source', sources);
    this.#unique('sink', sinks);
    return this.#join(sources, sinks);
  }

  #entries(root: Mapping, key: string): [Mapping, Path][] {
    const list = root[key];
    if (list === undefined) return [];
    if (!Array.isArray(list)) {
      this.#add('E1101', `${key} holds ${describe(list)} instead of a list of mappings`, [key]);
      return [];
    }
    return list.flatMap((entry: unknown, index): [Mapping, Path][] => {
      const path = [key, index];
      if (isMapping(entry)) return [[entry, path]];
      this.#add('E1101', `${key} entry ${index + 1} is ${describe(entry)} instead of a mapping`, path);
      return [];
    });
  }

  #source(entry: Mapping, path: Path): SourceSpec[] {
    this.#unknownKeys(entry, path, SOURCE_KEYS);
    const name = this.#name(entry, path);
    const label = name ?? '(no name)';
    const patterns = this.#patterns(entry, path);
    if (entry['sinks'] === undefined) {
      this.#add('E1103', `Required field sinks not specified in source ${label}`, path);
    }
    const sinks = this.#texts(
      entry['sinks'],
      [...path, 'sinks'],
      `No sink defined in source ${label}`,
      'E1105',
    );
    return name === null ? [] : [{ name, path, patterns, sinks }];
  }

  #patterns(entry: Mapping, path: Path): readonly string[] {
    const key = PATTERN_KEY[this.#kind];
    const used =
      key === 'meters' && entry[key] === undefined && entry['counters'] !== undefined ? 'counters' : key;
    const none = `No ${key} specified`;
    if (entry[used] === undefined) {
      this.#add('E1107', this.#kind === 'sample' ? 'Missing meters value' : none, path);
      return [];
    }
    const patterns = this.#texts(entry[used], [...path, used], none, 'E1107');
    for (const { index, code, message } of checkPatterns(patterns, key)) {
      this.#add(code, message, index === null ? [...path, used] : [...path, used, index]);
    }
    return patterns;
  }

  #sink(entry: Mapping, path: Path): SinkSpec[] {
    this.#unknownKeys(entry, path, SINK_KEYS);
    const name = this.#name(entry, path);
    const publishers = this.#texts(
      entry['publishers'],
      [...path, 'publishers'],
      'No publisher specified',
      'E1111',
    );
    const urls = publishers.map((text, index) => this.#publisherUrl(text, [...path, 'publishers', index]));
    const transformers = this.#transformersOf(entry, [...path, 'transformers']);
    return name === null ? [] : [{ name, path, publishers: urls, transformers }];
  }

  #transformersOf(entry: Mapping, path: Path): readonly TransformerSpec[] {
    const value = entry['transformers'];
    if (this.#kind === 'event') {
      const isEmpty = value === undefined || value === null || (Array.isArray(value) && value.length === 0);
      if (!isEmpty) this.#warn('Transformers have no effect on events', path, 'Remove them.');
      return [];
    }
    const { specs, problems } = checkTransformers(this.#document, path, value, this.#transformers);
    this.problems.push(...problems);
    return specs;
  }

  #publisherUrl(text: string, path: Path): string {
    const url = text.includes('://') ? text : `${text}://`;
    const scheme = url.slice(0, url.indexOf('://'));
    if (!this.#schemes.includes(scheme)) {
      const near = nearestWord(scheme, this.#schemes);
      const known = `Known for ${this.#kind}s: ${this.#schemes.join(', ')}`;
      this.#add('E1112', `No publisher has the scheme ${JSON.stringify(scheme)}`, path, {
        hint: near === undefined ? `${known}.` : `Did you mean "${near}://"? ${known}.`,
      });
    }
    return url;
  }

  #name(entry: Mapping, path: Path): string | null {
    const name = entry['name'];
    if (typeof name === 'string' && name !== '') return name;
    if (typeof name === 'number' || typeof name === 'boolean') return String(name);
    this.#add('E1103', 'Required field name not specified', path);
    return null;
  }

  /** A non-empty list of texts; one text alone counts as a list of one. */
  #texts(value: unknown, path: Path, empty: string, code: 'E1105' | 'E1107' | 'E1111'): readonly string[] {
    if (value === undefined && code !== 'E1111') return [];
    const list = typeof value === 'string' ? [value] : value;
    if (list === undefined || list === null || (Array.isArray(list) && list.length === 0)) {
      this.#add(code, empty, path);
      return [];
    }
    if (!Array.isArray(list)) {
      this.#add('E1101', `${String(path.at(-1))} holds ${describe(value)} instead of a list of texts`, path);
      return [];
    }
    return list.flatMap((item: unknown, index): string[] => {
      if (typeof item === 'string') return [item];
      this.#add('E1101', `${describe(item)} instead of a text`, [...path, index], {
        hint: 'Quote it: YAML 1.1 reads some plain words (on, yes, no) and digits as other things than text.',
      });
      return [];
    });
  }

  #unique(what: 'source' | 'sink', entries: readonly Named[]): void {
    const seen = new Set<string>();
    for (const { name, path } of entries) {
      if (seen.has(name)) this.#add('E1109', `Duplicated ${what} names: ${name}`, [...path, 'name']);
      seen.add(name);
    }
  }

  #join(sources: readonly SourceSpec[], sinks: readonly SinkSpec[]): readonly Pipeline[] {
    const byName = new Map(sinks.map((sink) => [sink.name, sink]));
    const names = new Set<string>();
    const pipelines: Pipeline[] = [];
    for (const source of sources) {
      for (const [index, sinkName] of source.sinks.entries()) {
        const path = [...source.path, 'sinks', index];
        const sink = byName.get(sinkName);
        if (sink === undefined) {
          this.#dangling(source.name, sinkName, path, [...byName.keys()]);
          continue;
        }
        const name =
          PREFIX[this.#kind] + (source.name === sink.name ? source.name : `${source.name}:${sink.name}`);
        if (names.has(name)) {
          this.#add('E1110', `Duplicate pipeline name: ${name}. Ensure pipeline names are unique`, path);
        }
        names.add(name);
        const { publishers, transformers } = sink;
        const { name: sourceName, patterns } = source;
        pipelines.push({ name, source: sourceName, sink: sinkName, patterns, publishers, transformers });
      }
    }
    return pipelines;
  }

  #dangling(source: string, sink: string, path: Path, known: readonly string[]): void {
    const near = nearestWord(sink, known);
    this.#add('E1106', `Dangling sink ${sink} from source ${source}`, path, {
      ...(near === undefined
        ? {}
        : { hint: `Did you mean "${near}"? Sinks in this file: ${known.join(', ')}.` }),
    });
  }

  #unknownKeys(entry: Mapping, path: Path, known: readonly string[]): void {
    for (const key of Object.keys(entry)) {
      if (known.includes(key)) continue;
      const near = nearestWord(key, known);
      this.#warn(`Unknown key ${key} has no effect`, [...path, key], near && `Did you mean "${near}"?`);
    }
  }

  #add(code: Problem['code'], message: string, path: Path, details: { readonly hint?: string } = {}): void {
    this.problems.push(problem(code, message, this.#at(path), details));
  }

  #warn(message: string, path: Path, hint?: string): void {
    const position = this.#document.positionOf(path, 'key');
    this.problems.push(problem('E1115', message, position, { severity: 'warning', ...(hint && { hint }) }));
  }

  #at(path: Path): Position {
    return this.#document.positionOf(path);
  }
}

type Mapping = { readonly [key: string]: unknown };

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'string'
    ? `the text ${JSON.stringify(value)}`
    : `the ${typeof value} ${String(value)}`;
}
