/** Offsets of one entry of a mapping or list. */
export interface Spot {
  readonly key: number;
  readonly value: number;
}

/** What is known of a collection besides its content. */
export interface Shape {
  readonly spots: ReadonlyMap<string | number, Spot>;
  /** Values inside, each alias counted with all it stands for. */
  readonly weight: number;
  /** Levels of collections, itself included. */
  readonly height: number;
}

const scalarShape: Shape = { spots: new Map(), weight: 1, height: 0 };

/** The shapes of all collections of one document. */
export class Shapes {
  readonly #shapes = new WeakMap<object, Shape>();

  of(value: unknown): Shape {
    return (isCollection(value) ? this.#shapes.get(value) : undefined) ?? scalarShape;
  }

  /** Freezes a collection that is complete and notes its shape. */
  keep<Value extends object>(value: Value, spots: ReadonlyMap<string | number, Spot>): Value {
    let weight = 1;
    let height = 0;
    for (const child of Object.values(value)) {
      const shape = this.of(child);
      weight += shape.weight;
      height = Math.max(height, shape.height);
    }
    this.#shapes.set(value, { spots, weight, height: height + 1 });
    return Object.freeze(value);
  }

  /** The offset of what is at `path` in `root`, or of its nearest ancestor; `start` is the offset of the root. */
  offsetOf(root: unknown, start: number, path: readonly (string | number)[], what: 'key' | 'value'): number {
    let value = root;
    let offset = start;
    for (const [index, key] of path.entries()) {
      const spot = this.of(value).spots.get(key);
      if (spot === undefined) break;
      offset = what === 'key' && index === path.length - 1 ? spot.key : spot.value;
      value = (value as Readonly<Record<string | number, unknown>>)[key];
    }
    return offset;
  }
}

/** Whether a value is a mapping or list. */
export function isCollection(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
