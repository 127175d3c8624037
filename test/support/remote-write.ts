/** Reads what remote write sends, strictly: anything that a receiver might take wrongly is an error here. */

/** Undoes Snappy's block format. Throws for a wrong length, an offset outside and input that ends early. */
export function snappyDecompress(input: Uint8Array, maxBytes = 64 * 1024 * 1024): Uint8Array {
  const reader = new Reader(input);
  const declared = reader.varint();
  if (declared > maxBytes) throw new Error(`declares ${declared} bytes, more than ${maxBytes}`);
  const output = new Uint8Array(declared);
  let length = 0;
  while (!reader.ended()) {
    const tag = reader.byte();
    const { size, offset } = element(reader, tag);
    if (length + size > declared) throw new Error('holds more than it declares');
    if (offset === null) output.set(reader.take(size), length);
    else {
      if (offset === 0 || offset > length) throw new Error(`copies from ${offset} bytes back of ${length}`);
      for (let at = length; at < length + size; at++) output[at] = output[at - offset] as number;
    }
    length += size;
  }
  if (length !== declared) throw new Error(`holds ${length} bytes and declares ${declared}`);
  return output;
}

function element(reader: Reader, tag: number): { readonly size: number; readonly offset: number | null } {
  const rest = tag >>> 2;
  switch (tag & 3) {
    case 0:
      return { size: (rest < 60 ? rest : reader.littleEndian(rest - 59)) + 1, offset: null };
    case 1:
      return { size: (rest & 7) + 4, offset: ((tag >>> 5) << 8) | reader.byte() };
    case 2:
      return { size: rest + 1, offset: reader.littleEndian(2) };
    default:
      return { size: rest + 1, offset: reader.littleEndian(4) };
  }
}

export interface WrittenSeries {
  readonly labels: readonly (readonly [name: string, value: string])[];
  /** Values with their milliseconds since the epoch. */
  readonly samples: readonly (readonly [value: number, millis: number])[];
}

/** Decodes a `WriteRequest` of remote write 1.0; throws for anything else in it. */
export function decodeWriteRequest(bytes: Uint8Array): readonly WrittenSeries[] {
  return fieldsOf(bytes).map(([field, value]) => {
    if (field !== 1 || !(value instanceof Uint8Array)) throw new Error(`field ${field} of WriteRequest`);
    const labels: [string, string][] = [];
    const samples: [number, number][] = [];
    for (const [inner, body] of fieldsOf(value)) {
      if (!(body instanceof Uint8Array)) throw new Error(`field ${inner} of TimeSeries`);
      const fields = new Map(fieldsOf(body));
      if (inner === 1) labels.push([text(fields.get(1)), text(fields.get(2))]);
      else if (inner === 2)
        samples.push([fields.get(1) as number, Number(BigInt.asIntN(64, fields.get(2) as bigint))]);
      else throw new Error(`field ${inner} of TimeSeries`);
    }
    return { labels, samples };
  });
}

/** The fields of a message in order: bytes, a double, or the 64 bits of a varint. */
export function fieldsOf(bytes: Uint8Array): readonly (readonly [number, Uint8Array | number | bigint])[] {
  const reader = new Reader(bytes);
  const fields: [number, Uint8Array | number | bigint][] = [];
  while (!reader.ended()) {
    const tag = reader.varint();
    const field = Math.floor(tag / 8);
    if (tag % 8 === 0) fields.push([field, reader.bigVarint()]);
    else if (tag % 8 === 1) fields.push([field, Buffer.from(reader.take(8)).readDoubleLE()]);
    else if (tag % 8 === 2) fields.push([field, reader.take(reader.varint())]);
    else throw new Error(`wire type ${tag % 8}`);
  }
  return fields;
}

function text(value: Uint8Array | number | bigint | undefined): string {
  if (!(value instanceof Uint8Array)) throw new Error('no text');
  return new TextDecoder('utf-8', { fatal: true }).decode(value);
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  ended(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    return this.take(1)[0] as number;
  }

  take(count: number): Uint8Array {
    if (this.#at + count > this.#bytes.length) throw new Error('ends early');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  littleEndian(count: number): number {
    return this.take(count).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  varint(): number {
    return Number(this.bigVarint());
  }

  bigVarint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = BigInt(this.byte());
      value |= (byte & 127n) << shift;
      if (byte < 128n) return BigInt.asUintN(64, value);
    }
    throw new Error('varint without end');
  }
}
