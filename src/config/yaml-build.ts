import { isAlias, isMap, isScalar, isSeq, type Pair, Scalar, type YAMLMap, type YAMLSeq } from 'yaml';
import type { Problem } from '../component/errors.ts';
import type { SourceText } from './source-text.ts';
import { YAML_LIMITS } from './yaml-limits.ts';
import {
  anchorOf,
  clip,
  explicitTag,
  isLeftOut,
  isMergeKey,
  offsetOfNode,
  shortTag,
  textOfScalar,
} from './yaml-nodes.ts';
import { YamlReport } from './yaml-report.ts';
import { resolvePlain, resolveTagged, type ScalarResult, type ScalarValue } from './yaml-scalars.ts';
import { isCollection, Shapes, type Spot } from './yaml-shapes.ts';

/** The data of a tree and where each value stands. */
export interface BuiltYaml {
  readonly value: unknown;
  offsetOf(path: readonly (string | number)[], what: 'key' | 'value'): number;
  readonly problems: readonly Problem[];
}

/** Tree to data: scalars as PyYAML reads them, aliases followed, merges applied, each key with its place. */
export function buildValue(root: unknown, source: SourceText, duplicates: Problem['severity']): BuiltYaml {
  const builder = new Builder(source, duplicates);
  const value = root === null ? null : builder.build(root, 0);
  const start = offsetOfNode(root);
  return {
    value,
    offsetOf: (path, what) => builder.shapes.offsetOf(value, start, path, what),
    problems: builder.report.problems,
  };
}

interface Entry {
  readonly value: unknown;
  readonly spot: Spot;
}

const underConstruction = Symbol('under construction');

class Builder {
  readonly report: YamlReport;
  readonly shapes = new Shapes();
  readonly #text: string;
  readonly #lineAt: (offset: number) => number;
  readonly #duplicates: Problem['severity'];
  readonly #anchors = new Map<string, unknown>();
  #aliasedValues = 0;

  constructor(source: SourceText, duplicates: Problem['severity']) {
    this.report = new YamlReport(source);
    this.#text = source.text;
    this.#lineAt = (offset) => source.lineAt(offset);
    this.#duplicates = duplicates;
  }

  /** The value of a node that has `depth` collections around it; the composer has bounded the recursion. */
  build(node: unknown, depth: number): unknown {
    if (isAlias(node)) return this.#follow(node.source, offsetOfNode(node), depth);
    const anchor = anchorOf(node);
    if (anchor !== null) this.#anchors.set(anchor, underConstruction);
    const value = this.#construct(node, depth);
    if (anchor !== null) this.#anchors.set(anchor, value);
    return value;
  }

  #construct(node: unknown, depth: number): unknown {
    if (isMap(node)) return this.#map(node, depth);
    if (isSeq(node)) return this.#list(node, depth);
    return isScalar(node) ? this.#scalar(node) : null;
  }

  #map(node: YAMLMap, depth: number): unknown {
    if (node.tag !== undefined && node.tag !== 'tag:yaml.org,2002:map') this.#unknownTag(node.tag, node);
    const own = new Map<string, Entry>();
    let merged: ReadonlyMap<string, Entry> | null = null;
    for (const pair of node.items) {
      if (!isMergeKey(pair.key)) this.#addEntry(own, pair, depth);
      else if (merged === null) merged = this.#merge(pair, depth);
      else this.report.error('E1301', 'a second << in one mapping', pair.key, mergeBoth);
    }
    // Merged keys first, own ones over them: the order in which PyYAML fills its dictionary.
    const entries = merged === null ? own : new Map([...merged, ...own]);
    const value = Object.fromEntries([...entries].map(([key, entry]) => [key, entry.value]));
    return this.shapes.keep(value, new Map([...entries].map(([key, entry]) => [key, entry.spot])));
  }

  #addEntry(own: Map<string, Entry>, pair: Pair, depth: number): void {
    const key = this.#key(pair.key);
    const value = this.build(pair.value, depth + 1);
    if (key === null) return;
    if (key === '__proto__') {
      this.report.error('E1307', 'the key __proto__ is not allowed', pair.key);
      return;
    }
    const first = own.get(key);
    if (first !== undefined) this.#duplicate(key, first.spot.key, pair.key);
    own.set(key, { value, spot: spotOf(pair) });
  }

  #duplicate(key: string, firstAt: number, node: unknown): void {
    const what = `the key ${JSON.stringify(clip(key))} stands in line ${this.#lineAt(firstAt)} already`;
    if (this.#duplicates === 'error') this.report.error('E1301', what, node);
    else this.report.warn('E1301', what, node, 'The last one counts, as ever; remove the other.');
  }

  #merge(pair: Pair, depth: number): ReadonlyMap<string, Entry> {
    const errorsBefore = this.report.errors;
    const value = this.build(pair.value, depth + 1);
    const sources: readonly unknown[] = Array.isArray(value) ? value.toReversed() : [value];
    const merged = new Map<string, Entry>();
    for (const source of sources) {
      if (isMapping(source)) this.#addMerged(merged, source);
      else if (this.report.errors === errorsBefore) {
        this.report.error(
          'E1308',
          'only a mapping, or a list of mappings, can be merged',
          pair.value ?? pair.key,
        );
      }
    }
    return merged;
  }

  #addMerged(merged: Map<string, Entry>, source: Readonly<Record<string, unknown>>): void {
    for (const [key, spot] of this.shapes.of(source).spots) {
      merged.set(String(key), { value: source[key], spot });
    }
  }

  #list(node: YAMLSeq, depth: number): unknown {
    if (node.tag !== undefined && node.tag !== 'tag:yaml.org,2002:seq') this.#unknownTag(node.tag, node);
    const spots = new Map<number, Spot>();
    const values = node.items.map((item, index) => {
      const at = offsetOfNode(item, offsetOfNode(node));
      spots.set(index, { key: at, value: at });
      return this.build(item, depth + 1);
    });
    return this.shapes.keep(values, spots);
  }

  #follow(name: string, offset: number, depth: number): unknown {
    const value = this.#anchors.get(name);
    if (!this.#anchors.has(name)) {
      this.report.error('E1303', `no &${clip(name)} stands above *${clip(name)}`, offset);
      return null;
    }
    if (value === underConstruction) {
      this.report.error(
        'E1303',
        `*${clip(name)} refers to the value it is part of`,
        offset,
        'Refer to a complete value.',
      );
      return null;
    }
    return this.#isWithinLimits(value, offset, depth) ? value : null;
  }

  #isWithinLimits(value: unknown, offset: number, depth: number): boolean {
    const { weight, height } = this.shapes.of(value);
    if (depth + height > YAML_LIMITS.depth) {
      this.report.error(
        'E1304',
        `more than ${YAML_LIMITS.depth} levels are nested here, aliases followed`,
        offset,
      );
      return false;
    }
    const before = this.#aliasedValues;
    this.#aliasedValues += weight;
    if (this.#aliasedValues <= YAML_LIMITS.aliasedValues) return true;
    if (before <= YAML_LIMITS.aliasedValues) {
      const what = `aliases stand for more than ${YAML_LIMITS.aliasedValues} values`;
      this.report.error('E1304', what, offset, 'Write the file without aliases of aliases.');
    }
    return false;
  }

  #key(node: unknown): string | null {
    if (!isScalar(node) && !isAlias(node)) return this.#badKey(node);
    const value = this.build(node, 0);
    if (isCollection(value)) return this.#badKey(node);
    if (isScalar(node)) this.#warnAboutKey(node, value);
    return String(value);
  }

  #badKey(node: unknown): null {
    this.report.error('E1307', 'a list or mapping cannot be a key', node);
    return null;
  }

  #scalar(node: Scalar): ScalarValue {
    const text = textOfScalar(node, this.#text);
    const result = this.#resolve(node, text);
    if (!result.ok) return this.#badScalar(node, result.why);
    if (typeof result.value === 'number' && explicitTag(node) === null) {
      this.#warnAboutNumber(node, text, result.value);
    }
    return result.value;
  }

  #resolve(node: Scalar, text: string): ScalarResult {
    const tag = explicitTag(node);
    if (tag !== null) {
      const tagged = resolveTagged(tag, text);
      if (tagged === null) this.#unknownTag(tag, node);
      return tagged ?? { ok: true, value: text };
    }
    return node.type === Scalar.PLAIN ? resolvePlain(text) : { ok: true, value: text };
  }

  #badScalar(node: Scalar, why: 'malformed' | 'too-large'): null {
    const tag = explicitTag(node);
    const means = tag === null ? 'a number' : `what its tag ${shortTag(tag)} says`;
    if (why === 'too-large') this.report.error('E1306', 'the number is too large to be held exactly', node);
    else this.report.error('E1302', `this is not ${means}`, node);
    return null;
  }

  #unknownTag(tag: string, node: unknown): void {
    const short = shortTag(tag);
    const hint = short.startsWith('!!')
      ? 'Write the value as plain text, number, list or mapping.'
      : `Put the text in quotes if it is meant to begin with an exclamation mark: "${short}".`;
    const after = offsetOfNode(node);
    const at = this.#text.lastIndexOf('!', after);
    const start = this.#text.charAt(at - 1) === '!' ? at - 1 : at;
    this.report.error('E1302', `the tag ${short} is not known here`, at === -1 ? after : start, hint);
  }

  /** `on:` and `no:` as keys are booleans to YAML 1.1, which nobody means. */
  #warnAboutKey(node: Scalar, value: unknown): void {
    const { source } = node;
    if (typeof value !== 'boolean' || source === undefined || /^(?:true|false)$/i.test(source)) return;
    this.report.warn('E1310', `the key ${source} is read as the boolean ${value}`, node);
  }

  #warnAboutNumber(node: Scalar, text: string, value: number): void {
    if (text.includes(':'))
      this.report.warn('E1310', 'digits with colons are one number, counted in sixties', node);
    else if (value > 7 && /^\+?0[0-7_]+$/.test(text)) {
      this.report.warn('E1310', 'a number that begins with 0 is octal', node);
    }
  }
}

const mergeBoth = 'Merge several mappings with a list: `<<: [*first, *second]`.';

function spotOf(pair: Pair): Spot {
  const key = offsetOfNode(pair.key);
  return { key, value: isLeftOut(pair.value) ? key : offsetOfNode(pair.value, key) };
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return isCollection(value) && !Array.isArray(value);
}
