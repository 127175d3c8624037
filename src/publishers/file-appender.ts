import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NephoscopeError, toError } from '../component/errors.ts';
import { makePrivateDirectory } from '../lib/make-directory.ts';
import type { EncodedLines } from './line-encoder.ts';

/** How a file is written. */
export interface AppenderOptions {
  readonly path: string;
  /** Whether what was written is flushed to the disk before it counts. */
  readonly syncs: boolean;
  /** Null: the file grows for ever, or others rotate it. */
  readonly rotation: Rotation | null;
}

export interface Rotation {
  /** A line that would bring the file to this size begins a new one. */
  readonly maxBytes: number;
  /** `path.1` is the latest of the old files; more than these are deleted. */
  readonly backupCount: number;
}

/**
 * Appends lines to a file that others may append to, rotate or remove at the same time.
 *
 * Lines given together go out in one write; they are all there afterwards or, as far as anybody can see, none: a write that
 * fails half-way is taken back, or, when another process has appended behind it meanwhile, its half line is ended
 * so that the next one stands alone. Before each write it is looked whether the name still is this file; if not, it is opened again. Not for
 * overlapping calls.
 */
export class FileAppender {
  readonly #options: AppenderOptions;
  #file: OpenFile | null = null;
  /** The file ends in the middle of a line. */
  #hasHalfLine = false;

  constructor(options: AppenderOptions) {
    this.#options = options;
  }

  /**
   * Appends lines that end with a line feed each; resolves when the kernel has them, and the disk if so configured.
   * Missing directories are made with mode 0700, the file with 0640. Rejects with a transient `NephoscopeError`
   * (E8050, E8051 when there is no space): nothing counts as written then, though some lines may have been.
   */
  async append(text: EncodedLines): Promise<void> {
    try {
      if (this.#options.rotation === null) await this.#write(await this.#current(), text.bytes);
      else await this.#writeRotating(text, this.#options.rotation);
      if (this.#options.syncs) await this.#file?.handle.datasync();
    } catch (thrown) {
      await this.close().catch(() => {});
      throw fileError(thrown, this.#options.path);
    }
  }

  /** Opens the file if it is not open: for telling at the start whether it can be written. Rejects as `append`. */
  async open(): Promise<void> {
    try {
      await this.#current();
    } catch (thrown) {
      throw fileError(thrown, this.#options.path);
    }
  }

  /** Safe at any time but during `append`; the next one opens the file again. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.handle.close();
  }

  /** The file that bears the name now. */
  async #current(): Promise<OpenFile> {
    const { path, syncs } = this.#options;
    if (this.#file !== null && (await isSameFile(path, this.#file))) return this.#file;
    await this.close();
    this.#file = await openForAppending(path, syncs);
    this.#hasHalfLine = await endsInsideLine(this.#file.handle);
    return this.#file;
  }

  async #writeRotating({ bytes, ends }: EncodedLines, { maxBytes, backupCount }: Rotation): Promise<void> {
    let file = await this.#current();
    let size = (await file.handle.stat()).size;
    let from = 0;
    let start = 0;
    for (const end of ends) {
      if (size > 0 && size + end - start >= maxBytes) {
        await this.#write(file, bytes.subarray(from, start));
        await this.#rotate(file, backupCount);
        file = await this.#current();
        size = (await file.handle.stat()).size;
        from = start;
      }
      size += end - start;
      start = end;
    }
    await this.#write(file, bytes.subarray(from));
  }

  /** `path.1` becomes `path.2` and so on; the oldest goes. */
  async #rotate(file: OpenFile, backupCount: number): Promise<void> {
    const { path, syncs } = this.#options;
    if (syncs) await file.handle.datasync();
    // Another process may have rotated it just now.
    if (!(await isSameFile(path, file))) return;
    await rm(`${path}.${backupCount}`, { force: true });
    for (let number = backupCount - 1; number >= 1; number--) {
      await rename(`${path}.${number}`, `${path}.${number + 1}`).catch(ignoreMissing);
    }
    await rename(path, `${path}.1`).catch(ignoreMissing);
  }

  async #write({ handle }: OpenFile, text: Buffer): Promise<void> {
    if (text.length === 0) return;
    const bytes = this.#hasHalfLine ? Buffer.concat([Buffer.of(LINE_FEED), text]) : text;
    const before = (await handle.stat()).size;
    let written = 0;
    try {
      while (written < bytes.length) {
        written += (await handle.write(bytes, written, bytes.length - written)).bytesWritten;
      }
    } catch (thrown) {
      if (written > 0) await this.#takeBack(handle, before, written);
      throw thrown;
    }
    this.#hasHalfLine = false;
  }

  /** Only what is known to be ours may be cut off. If that fails too, the next open finds the half line. */
  async #takeBack(handle: FileHandle, before: number, written: number): Promise<void> {
    const { size } = await handle.stat();
    if (size === before + written) await handle.truncate(before).catch(() => {});
  }
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly device: bigint;
  readonly inode: bigint;
}

async function openForAppending(path: string, syncs: boolean): Promise<OpenFile> {
  const handle = await openOrCreate(path, syncs);
  try {
    const { dev, ino } = await handle.stat({ bigint: true });
    return { handle, device: dev, inode: ino };
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
}

async function openOrCreate(path: string, syncs: boolean): Promise<FileHandle> {
  makePrivateDirectory(dirname(path));
  const isNew = await stat(path).then(
    () => false,
    () => true,
  );
  // Read as well, for looking at the end.
  const handle = await open(path, 'a+', 0o640);
  if (isNew && syncs) await flushDirectory(dirname(path));
  return handle;
}

/** The name of a new file survives a loss of power only when its directory is flushed too. */
async function flushDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** False when it was removed, or another file has its name. */
async function isSameFile(path: string, { device, inode }: OpenFile): Promise<boolean> {
  const found = await stat(path, { bigint: true }).catch(ignoreMissing);
  return found !== undefined && found.ino === inode && found.dev === device;
}

/** A write of another process that is under way looks like a half line for a moment: only what stays so is one. */
const SETTLED_MILLIS = 50;

async function endsInsideLine(handle: FileHandle): Promise<boolean> {
  for (let seen = -1; ; await sleep(SETTLED_MILLIS)) {
    const { size } = await handle.stat();
    if (size === 0 || (await byteAt(handle, size - 1)) === LINE_FEED) return false;
    if (size === seen) return true;
    seen = size;
  }
}

async function byteAt(handle: FileHandle, position: number): Promise<number | undefined> {
  const byte = Buffer.alloc(1);
  const { bytesRead } = await handle.read(byte, 0, 1, position);
  // A file that was cut off meanwhile has no half line of ours.
  return bytesRead === 1 ? byte[0] : LINE_FEED;
}

const LINE_FEED = 0x0a;

function ignoreMissing(thrown: unknown): undefined {
  if ((thrown as NodeJS.ErrnoException | null)?.code === 'ENOENT') return undefined;
  throw thrown;
}

const NO_SPACE: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

function fileError(thrown: unknown, path: string): NephoscopeError {
  const error: NodeJS.ErrnoException = toError(thrown);
  const details = { retry: 'transient', cause: error } as const;
  if (NO_SPACE.has(error.code ?? ''))
    return new NephoscopeError('E8051', `No space left for ${path}`, details);
  return new NephoscopeError('E8050', `${path} cannot be written: ${error.message}`, details);
}
