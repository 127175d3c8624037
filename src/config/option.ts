/** The value types of an option, after oslo.config. `list` is comma-separated, `multi` is a repeated key. */
export interface OptionValues {
  readonly string: string;
  readonly integer: number;
  readonly float: number;
  readonly boolean: boolean;
  readonly port: number;
  readonly list: readonly string[];
  readonly multi: readonly string[];
  readonly secret: Secret;
  readonly 'secret-multi': readonly Secret[];
}
export type OptionType = keyof OptionValues;

/**
 * Everything there is to know about one option: validation, typed reading, the reference page and the sample file
 * are made of it. `default: null` means "not set". The group is DEFAULT or an oslo.config group name.
 */
export interface Option<
  Type extends OptionType = OptionType,
  Default extends OptionValues[Type] | null = OptionValues[Type] | null,
> {
  readonly group: string;
  readonly name: string;
  readonly type: Type;
  readonly default: Default;
  /** One or two sentences for the operator. */
  readonly doc: string;
  /** Unit of a number: `seconds`, `bytes`, `messages` … */
  readonly unit?: string;
  readonly example?: string;
  readonly since: string;
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  /** Old spellings that are still read, with one warning; the new one wins. */
  readonly deprecatedNames?: readonly {
    readonly group: string;
    readonly name: string;
  }[];
}

/** Declares an option; only gives its exact type to the compiler. */
export function defineOption<Type extends OptionType, Default extends OptionValues[Type] | null>(
  option: Option<Type, Default>,
): Option<Type, Default> {
  return Object.freeze(option);
}

/** A text that cannot be printed by accident: every way of turning it into text gives `(secret)`. */
export class Secret {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  /** The text itself, for the one place that needs it (a login, a key). */
  reveal(): string {
    return this.#text;
  }
  toString(): string {
    return '(secret)';
  }
  toJSON(): string {
    return '(secret)';
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '(secret)';
  }
}

/** Typed reading of a loaded configuration. Pure; repeated calls give the same frozen value. */
export interface Config {
  /** The value of `option`: environment, else the last configuration file that sets it, else its default. */
  get<Type extends OptionType, Default extends OptionValues[Type] | null>(
    option: Option<Type, Default>,
  ): Default extends null ? OptionValues[Type] | null : OptionValues[Type];
  /** Where the value comes from: `default`, `environment OS_API__PORT`, `/etc/nephoscope/nephoscope.conf:12`. */
  origin(option: Option): string;
  /**
   * Finds a file an option names (`pipeline.yaml`): the name as it is, then the --config-dir directories, then the
   * directories of the configuration files, last first, then ~/.nephoscope, /etc/nephoscope, ~/.ceilometer,
   * /etc/ceilometer. Null when there is none.
   */
  findFile(name: string): string | null;
}
