/**
 * The program's own metrics, and their Prometheus text form.
 *
 * Counters and gauges are cheap enough for the hot path when the child is kept:
 * `const received = metrics.counter('nephoscope_…_total', 'help', ['source']).child('amqp')`.
 * Label values come from bounded sets only: never a resource id, a URL or a message.
 */
export class Metrics {
  readonly #families = new Map<string, Family>();
  readonly #collectors: (() => void)[] = [];

  /**
   * A value that only grows; its name ends in `_total`. The same name gives the same counter; it is a defect of the
   * program, and throws, to ask for it as another kind or with other labels.
   */
  counter(name: string, help: string, labels: readonly string[] = []): Family {
    return this.#family(name, 'counter', help, labels);
  }

  /** A value that goes up and down; otherwise like `counter`. */
  gauge(name: string, help: string, labels: readonly string[] = []): Family {
    return this.#family(name, 'gauge', help, labels);
  }

  /**
   * Runs before each exposition, to set gauges that are cheaper to read than to keep. When it throws, its metrics
   * keep their last values and the others are shown all the same.
   */
  onCollect(collect: () => void): void {
    this.#collectors.push(collect);
  }

  /** Prometheus text format 0.0.4, families in order of registration. */
  expose(): string {
    for (const collect of this.#collectors) runContained(collect);
    return [...this.#families.values()].map((family) => family.expose()).join('');
  }

  /** Name, kind and help of every family, for the reference page. */
  describe(): readonly {
    readonly name: string;
    readonly kind: MetricKind;
    readonly help: string;
    readonly labels: readonly string[];
  }[] {
    return [...this.#families.values()].map(({ name, kind, help, labels }) => ({ name, kind, help, labels }));
  }

  #family(name: string, kind: MetricKind, help: string, labels: readonly string[]): Family {
    let family = this.#families.get(name);
    if (family === undefined) {
      family = new Family(name, kind, help, labels);
      this.#families.set(name, family);
    }
    if (family.kind !== kind || family.labels.join() !== labels.join()) {
      throw new TypeError(`metric ${name} is a ${family.kind} with the labels (${family.labels.join()})`);
    }
    return family;
  }
}

export type MetricKind = 'counter' | 'gauge';

/** All series of one metric name. */
export class Family {
  readonly name: string;
  readonly kind: MetricKind;
  readonly help: string;
  readonly labels: readonly string[];
  readonly #children = new Map<string, Series>();

  constructor(name: string, kind: MetricKind, help: string, labels: readonly string[]) {
    this.name = name;
    this.kind = kind;
    this.help = help;
    this.labels = labels;
    if (labels.length === 0) this.child();
  }

  /** The series with these label values, in the order of the label names; made at first use. Throws on a wrong number. */
  child(...values: readonly string[]): Series {
    if (values.length !== this.labels.length) {
      throw new TypeError(`metric ${this.name} has the labels (${this.labels.join()})`);
    }
    const key = values.join('\0');
    let series = this.#children.get(key);
    if (series === undefined) {
      series = new Series(values);
      this.#children.set(key, series);
    }
    return series;
  }

  expose(): string {
    const lines = [`# HELP ${this.name} ${escapeHelp(this.help)}\n# TYPE ${this.name} ${this.kind}\n`];
    for (const series of this.#children.values()) {
      const pairs = series.labelValues.map((value, index) => `${this.labels[index]}="${escapeLabel(value)}"`);
      lines.push(
        `${this.name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${numberText(series.value)}\n`,
      );
    }
    return lines.join('');
  }
}

/** One number that is counted or set. */
export class Series {
  value = 0;
  readonly labelValues: readonly string[];

  constructor(labelValues: readonly string[]) {
    this.labelValues = labelValues;
  }

  add(amount = 1): void {
    this.value += amount;
  }

  set(value: number): void {
    this.value = value;
  }
}

function runContained(collect: () => void): void {
  try {
    collect();
  } catch {
    // One part that cannot be read must not hide all the others from the operator.
  }
}

/** Prometheus spells the infinite values its own way. */
function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
