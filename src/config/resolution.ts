import type { ErrorCode } from '../component/error-codes.ts';
import { type Problem, problem } from '../component/errors.ts';
import { type Converted, convert, isSecret, type OptionValue } from './convert.ts';
import type { IniEntry } from './ini.ts';
import { interpolate } from './interpolate.ts';
import { type Option, Secret } from './option.ts';
import { isSecretName, redactLine } from './redact.ts';
import { keysOf, optionKey, type RawOption, type RawValue, SourceReader, type Sources } from './sources.ts';

/** What an option is worth, as text for references and as value. */
interface Resolved {
  readonly value: OptionValue;
  readonly text: string;
  readonly origin: string;
}

/** What a reference stands for. `failed` was reported where it failed. */
type Referred =
  | { readonly text: string; readonly isSecret: boolean }
  | 'unknown'
  | 'circle'
  | 'too-much'
  | 'failed';

/** References through references, and characters they may add: what is beyond is no configuration. */
const limits = { depth: 50, characters: 65_536 } as const;

/** The values of all options: substitution, conversion, checks. Each option is resolved once. */
export class Resolution {
  readonly #sources: Sources;
  readonly #reader: SourceReader;
  readonly #options: ReadonlyMap<string, Option>;
  readonly #resolved = new Map<string, Resolved | 'resolving' | 'failed'>();
  /** Entries that set no option but are referred to, with what they stand for. */
  readonly #referred = new Map<string, Referred>();
  #depth = 0;
  readonly #problems: Problem[] = [];

  constructor(sources: Sources) {
    this.#sources = sources;
    this.#reader = new SourceReader(sources);
    this.#options = new Map(sources.options.map((option) => [optionKey(option.group, option.name), option]));
  }

  /** Resolves every option; all problems found. */
  resolveAll(): readonly Problem[] {
    for (const option of this.#sources.options) {
      this.#problems.push(...this.#reader.warnOfOldNames(option));
      this.#resolve(option);
    }
    return this.#problems;
  }

  /** Entries that set no option and are not referred to; complete after `resolveAll`. */
  unusedEntries(): readonly IniEntry[] {
    const known = new Set([...this.#sources.options.flatMap(keysOf), ...this.#referred.keys()]);
    return this.#sources.files.flat().filter(({ group, name }) => !known.has(optionKey(group, name)));
  }

  /** The value of an option that was resolved. Throws for one that was not declared: a mistake of the program. */
  valueOf(option: Option): OptionValue {
    return this.#get(option).value;
  }

  /** Where the value of an option comes from. Throws as `valueOf`. */
  originOf(option: Option): string {
    return this.#get(option).origin;
  }

  #get(option: Option): Resolved {
    const resolved = this.#resolved.get(optionKey(option.group, option.name));
    if (typeof resolved === 'object') return resolved;
    throw new Error(`The option [${option.group}] ${option.name} is not declared`);
  }

  #resolve(option: Option): Resolved | 'resolving' | 'failed' {
    const key = optionKey(option.group, option.name);
    const known = this.#resolved.get(key);
    if (known !== undefined) return known;
    this.#resolved.set(key, 'resolving');
    const raw = this.#reader.read(option);
    const resolved = raw === null ? this.#fromDefault(option) : this.#fromTexts(option, raw);
    this.#resolved.set(key, resolved);
    return resolved;
  }

  #fromTexts(option: Option, { origin, values }: RawOption): Resolved | 'failed' {
    const texts = values.map((raw) => this.#substitute(option, raw)).filter((text) => text !== null);
    if (texts.length < values.length) return 'failed';
    const converted = convert(option, texts);
    if (!converted.ok) {
      this.#reject(option, values, converted);
      return 'failed';
    }
    for (const raw of values) this.#warnOfComment(raw);
    return { value: converted.value, text: texts.join(','), origin };
  }

  #fromDefault(option: Option): Resolved | 'failed' {
    const texts = textsOf(option.default);
    if (!texts.some((text) => text.includes('$'))) {
      return { value: option.default, text: texts.join(','), origin: 'default' };
    }
    const label = `the default of [${option.group}] ${option.name}`;
    const joined = option.type === 'list' ? [texts.join(',')] : texts;
    return this.#fromTexts(option, { origin: 'default', values: joined.map((text) => ({ text, label })) });
  }

  #substitute(option: Option, raw: RawValue): string | null {
    let failed = false;
    const { text } = interpolate(
      raw.text,
      this.#bounded(raw.entry?.group ?? option.group, (reference, referred) => {
        if (typeof referred === 'object' && (isSecret(option) || !referred.isSecret)) return referred.text;
        if (!failed) this.#reportReference(option, raw, reference, referred);
        failed = true;
        return null;
      }),
    );
    return failed ? null : text;
  }

  /** Looks up references in a group for `use`, until their texts are too long together. */
  #bounded(
    group: string,
    use: (reference: string, referred: Referred) => string | null,
  ): (reference: string) => string | null {
    let characters = 0;
    return (reference) => {
      const referred = characters > limits.characters ? 'too-much' : this.#refer(group, reference);
      if (typeof referred === 'object') characters += referred.text.length;
      return use(reference, characters > limits.characters ? 'too-much' : referred);
    };
  }

  /** `$name` is an option of the same group, else of DEFAULT; `$group.name` one of that group. */
  #refer(group: string, reference: string): Referred {
    const dot = reference.indexOf('.');
    const places: readonly (readonly [string, string])[] =
      dot === -1
        ? [
            [group, reference],
            ['DEFAULT', reference],
          ]
        : [[reference.slice(0, dot), reference.slice(dot + 1)]];
    for (const [inGroup, name] of places) {
      const found = this.#referTo(inGroup, name);
      if (found !== 'unknown') return found;
    }
    return 'unknown';
  }

  #referTo(group: string, name: string): Referred {
    if (this.#depth >= limits.depth) return 'too-much';
    this.#depth += 1;
    const option = this.#options.get(optionKey(group, name));
    const referred = option === undefined ? this.#referToEntry(group, name) : this.#referToOption(option);
    this.#depth -= 1;
    return referred;
  }

  #referToOption(option: Option): Referred {
    const resolved = this.#resolve(option);
    if (resolved === 'resolving') return 'circle';
    return resolved === 'failed' ? 'failed' : { text: textOf(resolved), isSecret: isSecret(option) };
  }

  /** Operators make names of their own to refer to them; the original refuses that, and there is no reason to. */
  #referToEntry(group: string, name: string): Referred {
    const key = optionKey(group, name);
    const known = this.#referred.get(key);
    if (known !== undefined) return known;
    const entry = this.#reader.find(group, name);
    if (entry === null) return 'unknown';
    this.#referred.set(key, 'circle');
    const referred = this.#expandEntry(entry);
    this.#referred.set(key, referred);
    return referred;
  }

  #expandEntry(entry: IniEntry): Referred {
    let holdsSecret = isSecretName(entry.name);
    let stopped: Exclude<Referred, object> | null = null;
    const { text } = interpolate(
      entry.value,
      this.#bounded(entry.group, (_reference, referred) => {
        if (typeof referred === 'object') {
          holdsSecret ||= referred.isSecret;
          return referred.text;
        }
        stopped ??= referred;
        return null;
      }),
    );
    return stopped ?? { text, isSecret: holdsSecret };
  }

  #reportReference(option: Option, raw: RawValue, reference: string, referred: Referred): void {
    // A password with a $ in it looks like a reference: the name would show a part of it.
    const isHidden = isSecret(option) || redactLine(raw.label) !== raw.label;
    const name = isHidden ? 'with a $' : `$${reference}`;
    if (typeof referred === 'object') {
      this.#report('E1017', raw, `uses the secret ${name}, but is shown itself`);
    } else if (referred === 'unknown') {
      this.#report(
        'E1011',
        raw,
        `refers to an option that is not set: ${name}`,
        referenceHint(reference, isHidden),
      );
    } else if (referred === 'circle') {
      this.#report('E1012', raw, `refers to itself: ${name}`);
    } else if (referred === 'too-much') {
      this.#report('E1012', raw, `refers to too many others: ${name}`);
    }
  }

  #reject(
    option: Option,
    raw: readonly RawValue[],
    { code, what, hint }: Exclude<Converted, { ok: true }>,
  ): void {
    // Of a repeated option each text is judged alone, to point to the one that is wrong.
    const wrong = raw.find((one) => !convert(option, [one.text]).ok) ?? raw.at(-1);
    if (wrong !== undefined) this.#report(code, wrong, what, hint);
  }

  #report(code: ErrorCode, raw: RawValue, what: string, hint?: string): void {
    const label = clip(redactLine(raw.label).replaceAll('\n', ' '));
    this.#problems.push(problem(code, `${label} ${what}`, raw.position, hint === undefined ? {} : { hint }));
  }

  #warnOfComment({ entry, position }: RawValue): void {
    if (entry === undefined || !/\s#(?:\s|$)|\s;\s|\n[#;]/.test(entry.value)) return;
    const what = `what follows the # or ; in [${entry.group}] ${entry.name} is part of the value`;
    this.#problems.push(problem('E1016', what, position, { severity: 'warning' }));
  }
}

function referenceHint(reference: string, isHidden: boolean): string {
  const [first = ''] = reference.split('.');
  return reference.includes('.') && !isHidden
    ? `If a dot follows the name ${first}, write \${${first}}; for a dollar sign, write $$.`
    : 'For a dollar sign, write $$; otherwise set that option or correct its name.';
}

function textOf({ value, text }: Resolved): string {
  return value === null ? '' : text;
}

function textsOf(value: OptionValue): readonly string[] {
  if (value === null) return [];
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.map((one) => (one instanceof Secret ? one.reveal() : String(one)));
}

function clip(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
