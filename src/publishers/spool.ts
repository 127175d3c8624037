import { NephoscopeError, toError } from '../component/errors.ts';
import type { PublishResult, Rejection } from './publisher.ts';
import type { SpoolCodec } from './spool-codec.ts';
import {
  listSpoolFiles,
  nameSpoolFile,
  putAside,
  readSpoolFile,
  removeSpoolFile,
  type SpoolFile,
  writeSpoolFile,
} from './spool-files.ts';

/** What a spool is made of. */
export interface SpoolParts<Item> {
  /** Made, with mode 0700, when the first batch comes. */
  readonly directory: string;
  readonly codec: SpoolCodec<Item>;
  /** The most batches that may wait; Infinity: what the disk takes. */
  readonly maxBatches: number;
  /** Microseconds since the epoch. */
  readonly nowMicros: () => number;
  /** Items that were thrown away because the queue is full. */
  readonly onDropped: (items: number) => void;
}

interface Entry<Item> {
  readonly file: SpoolFile;
  /** What it holds, while it is one of few: then it need not be read again. */
  items: readonly Item[] | null;
  isDamaged?: boolean;
}

/** A batch that was taken from the spool to be sent. */
export interface TakenBatch<Item> {
  readonly file: SpoolFile;
  readonly items: readonly Item[];
  /** Lines that are no items. */
  readonly unreadable: number;
}

/** Batches that are kept in memory too, so that a target that keeps up costs no reading. */
const MAX_REMEMBERED = 4;

/**
 * A queue of batches in a directory, one file each: whole and flushed to the disk before `append` resolves, sent in the
 * order of their names, removed when they are delivered. Survives restarts and kills; what was sent but not removed
 * before a kill is sent again.
 *
 * One file for each batch, rather than a database or a log with positions: nothing but names has to be consistent, a
 * damaged file costs one batch, room is free as soon as a batch is gone, several processes may append, and an operator
 * can see, move and delete what waits. It costs two flushes for each batch, which callers share when they are many.
 *
 * Several instances may append to one directory at a time; only one may take (`SpoolDrain` holds a lock).
 */
export class Spool<Item> {
  readonly #parts: SpoolParts<Item>;
  #entries: Entry<Item>[] = [];
  #taken: Entry<Item> | null = null;

  constructor(parts: SpoolParts<Item>) {
    this.#parts = parts;
  }

  /** Batches that wait, without the one that was taken. */
  get length(): number {
    return this.#entries.length;
  }

  /** When the oldest batch was written, microseconds since the epoch, or null. */
  get oldestMicros(): number | null {
    return (this.#taken ?? this.#entries[0])?.file.sinceMicros ?? null;
  }

  /**
   * Resolves when the items are safe on the disk; items that cannot be written as JSON are rejected for good. When the
   * queue was full, the oldest batches are gone then. Rejects as transient (E8006) when the disk does not take them.
   */
  async append(items: readonly Item[]): Promise<PublishResult> {
    const { codec, directory, nowMicros } = this.#parts;
    const { lines, written, rejected } = encodeAll(items, codec);
    if (written.length === 0) return { accepted: 0, duplicates: [], rejected };
    const file = nameSpoolFile(nowMicros(), written.length);
    const text = `${HEADER} ${codec.kind}\n${lines.join('\n')}\n`;
    await writeSpoolFile(directory, file, text);
    this.#add(file, written);
    await this.#dropOldest();
    return { accepted: written.length, duplicates: [], rejected };
  }

  /** Looks what is in the directory: after a start, and for what other processes append. Rejects as `append`. */
  async refresh(): Promise<void> {
    const before = new Set(this.#entries);
    const files = await listSpoolFiles(this.#parts.directory);
    const known = new Map(this.#entries.map((entry) => [entry.file.name, entry]));
    const listed = files
      .filter(({ name }) => name !== this.#taken?.file.name)
      .map((file) => known.get(file.name) ?? { file, items: null });
    const names = new Set(files.map(({ name }) => name));
    // What was appended while the directory was read need not be in the list.
    const newer = this.#entries.filter((entry) => !before.has(entry) && !names.has(entry.file.name));
    this.#entries = [...listed, ...newer];
  }

  /**
   * Takes the oldest batch to send it; then comes `remove` or `putBack`. Null when there is none. Rejects as `append`;
   * nothing is taken then. One at a time.
   */
  async take(): Promise<TakenBatch<Item> | null> {
    for (let entry = this.#entries.shift(); entry !== undefined; entry = this.#entries.shift()) {
      this.#taken = entry;
      if (entry.items !== null) return { file: entry.file, items: entry.items, unreadable: 0 };
      const read = await this.#read(entry).catch((error: unknown) => {
        this.putBack();
        throw error;
      });
      if (read !== null) return read;
      this.#taken = null;
    }
    return null;
  }

  /**
   * The taken batch is delivered or parked. One that could not be read as a whole is put aside for a person to look at.
   * Rejects as `append`; then it stays taken.
   */
  async remove(): Promise<void> {
    const { directory } = this.#parts;
    if (this.#taken?.isDamaged === true) await putAside(directory, this.#taken.file);
    else if (this.#taken !== null) await removeSpoolFile(directory, this.#taken.file);
    this.#taken = null;
  }

  /** The taken batch was not delivered: it is the oldest again. */
  putBack(): void {
    if (this.#taken !== null) this.#entries.unshift(this.#taken);
    this.#taken = null;
  }

  #add(file: SpoolFile, items: readonly Item[]): void {
    // A look into the directory may have come before; then it is among the last.
    if (this.#entries.slice(-MAX_REMEMBERED).some((entry) => entry.file.name === file.name)) return;
    this.#entries.push({ file, items: this.#entries.length < MAX_REMEMBERED ? items : null });
  }

  /** Null when the file is gone: another process has sent or dropped it. */
  async #read(entry: Entry<Item>): Promise<TakenBatch<Item> | null> {
    const { file } = entry;
    const { directory, codec } = this.#parts;
    const text = await readSpoolFile(directory, file);
    if (text === null) return null;
    const items = decodeAll(text, codec);
    const unreadable = Math.max(0, file.items - items.length);
    entry.isDamaged = unreadable > 0;
    return { file, items, unreadable };
  }

  async #dropOldest(): Promise<void> {
    const { directory, maxBatches, onDropped } = this.#parts;
    if (this.#entries.length <= maxBatches) return;
    // Another process may have sent some of them.
    await this.refresh();
    while (this.#entries.length > maxBatches) {
      const oldest = this.#entries.shift();
      if (oldest !== undefined && (await removeSpoolFile(directory, oldest.file))) {
        onDropped(oldest.file.items);
      }
    }
  }
}

const HEADER = 'nephoscope-spool 1';

interface Encoded<Item> {
  readonly lines: readonly string[];
  readonly written: readonly Item[];
  readonly rejected: readonly Rejection[];
}

function encodeAll<Item>(items: readonly Item[], codec: SpoolCodec<Item>): Encoded<Item> {
  const lines: string[] = [];
  const written: Item[] = [];
  const rejected: Rejection[] = [];
  for (const [index, item] of items.entries()) {
    try {
      lines.push(codec.encode(item));
      written.push(item);
    } catch (thrown) {
      const message = `An item cannot be written to the queue on disk: ${toError(thrown).message}`;
      rejected.push({ index, error: new NephoscopeError('E8052', message, { cause: thrown }) });
    }
  }
  return { lines, written, rejected };
}

/** The items of a file; lines that are none are left out. A file of another kind or of a later version has none. */
function decodeAll<Item>(text: string, codec: SpoolCodec<Item>): readonly Item[] {
  const [header, ...lines] = text.split('\n');
  if (header !== `${HEADER} ${codec.kind}`) return [];
  return lines.flatMap((line) => {
    try {
      return line === '' ? [] : [codec.decode(line)];
    } catch {
      return [];
    }
  });
}
