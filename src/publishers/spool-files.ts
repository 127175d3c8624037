import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { NephoscopeError, toError } from '../component/errors.ts';
import { makePrivateDirectory } from '../lib/make-directory.ts';

/** `<microseconds>-<process>-<number>-<items>.spool`: in the order of names they are in the order of writing. */
const NAME = /^(\d{16})-\d+-\d{6,}-(\d{1,6})\.spool$/;
const TEMPORARY = /\.spool\.tmp$/;
/** A file that is being written is younger. */
const ABANDONED_MILLIS = 3_600_000;

/** One batch in a directory of the queue on disk. */
export interface SpoolFile {
  readonly name: string;
  /** When it was written, microseconds since the epoch. */
  readonly sinceMicros: number;
  readonly items: number;
}

/** The file a name of ours stands for; null for anything else. Pure. */
export function readSpoolName(name: string): SpoolFile | null {
  const parts = NAME.exec(name);
  if (parts === null) return null;
  return { name, sinceMicros: Number(parts[1]), items: Number(parts[2]) };
}

let lastMicros = 0;
let lastNumber = 0;

/** A file for a batch of `items`, later than all this process has named, though the clock may go back. */
export function nameSpoolFile(nowMicros: number, items: number): SpoolFile {
  lastMicros = Math.max(nowMicros, lastMicros + 1);
  lastNumber++;
  const time = String(lastMicros).padStart(16, '0');
  const name = `${time}-${process.pid}-${String(lastNumber).padStart(6, '0')}-${items}.spool`;
  return { name, sinceMicros: lastMicros, items };
}

/**
 * The batches in `directory`, oldest first; none when it does not exist. Files that a process which was killed had
 * not finished are removed. Throws `NephoscopeError` (E8006, transient).
 */
export async function listSpoolFiles(directory: string): Promise<readonly SpoolFile[]> {
  return await guarded(directory, async () => {
    const names = await readdir(directory).catch(nothingWhenMissing);
    for (const name of names) if (TEMPORARY.test(name)) await removeAbandoned(join(directory, name));
    return names
      .sort()
      .map(readSpoolName)
      .filter((file) => file !== null);
  });
}

/**
 * Writes a batch: it is there as a whole, and flushed to the disk with its name, or not at all. Makes the directory
 * when it is missing. Throws `NephoscopeError` (E8006, transient).
 */
export async function writeSpoolFile(directory: string, { name }: SpoolFile, text: string): Promise<void> {
  await guarded(directory, async () => {
    const path = join(directory, name);
    const temporary = `${path}.tmp`;
    try {
      await writeFlushed(directory, temporary, text);
      await rename(temporary, path);
      await flushDirectory(directory);
    } catch (thrown) {
      await rm(temporary, { force: true }).catch(() => {});
      throw thrown;
    }
  });
}

/** Its text; null when it is gone: another process has sent or dropped it. Throws E8006 (transient). */
export async function readSpoolFile(directory: string, { name }: SpoolFile): Promise<string | null> {
  return await guarded(directory, () => readFile(join(directory, name), 'utf8').catch(nullWhenMissing));
}

/** Removes a batch; false when it is gone already. Throws E8006 (transient). */
export async function removeSpoolFile(directory: string, { name }: SpoolFile): Promise<boolean> {
  return await guarded(directory, async () => {
    const gone = await rm(join(directory, name)).catch(nullWhenMissing);
    return gone !== null;
  });
}

/** Keeps a batch that cannot be read for a person to look at. Throws E8006 (transient). */
export async function putAside(directory: string, { name }: SpoolFile): Promise<void> {
  const path = join(directory, name);
  await guarded(directory, () => rename(path, `${path}.unreadable`).catch(nullWhenMissing));
}

async function writeFlushed(directory: string, path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600).catch(async (thrown: unknown) => {
    if (!isMissing(thrown)) throw thrown;
    makePrivateDirectory(directory);
    await flushDirectory(dirname(directory));
    return await open(path, 'wx', 0o600);
  });
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** The name of a new file survives a loss of power only when its directory is flushed too. */
async function flushDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function removeAbandoned(path: string): Promise<void> {
  const { mtimeMs } = await stat(path);
  if (Date.now() - mtimeMs > ABANDONED_MILLIS) await rm(path, { force: true });
}

function isMissing(thrown: unknown): boolean {
  return (thrown as NodeJS.ErrnoException | null)?.code === 'ENOENT';
}

function nothingWhenMissing(thrown: unknown): string[] {
  if (isMissing(thrown)) return [];
  throw thrown;
}

function nullWhenMissing(thrown: unknown): null {
  if (isMissing(thrown)) return null;
  throw thrown;
}

async function guarded<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof NephoscopeError) throw thrown;
    const { message } = toError(thrown);
    throw new NephoscopeError('E8006', `The queue on disk in ${directory} cannot be used: ${message}`, {
      retry: 'transient',
      cause: thrown,
    });
  }
}
