import { readdir, readFile, statfs } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { NephoscopeError } from '../component/errors.ts';

/** Size of one file system, in bytes. */
export interface FileSystemSpace {
  readonly totalBytes: number;
  /** As `df` counts it: what is reserved for the administrator is not used. */
  readonly usedBytes: number;
}

/** What the pollsters of this machine can see of it. Nothing here throws: what cannot be seen is null or empty. */
export interface HostView {
  /** The text of a file under /proc or /sys. */
  read(path: string): Promise<string | null>;
  /** The names in a directory. */
  list(path: string): Promise<readonly string[]>;
  /** The space of the file system mounted at `path`. */
  space(path: string): Promise<FileSystemSpace | null>;
  /** The first IPv4 address of each network interface that has one. */
  addresses(): ReadonlyMap<string, string>;
}

/** A view of the machine this process runs on. Safe for concurrent use. */
export function createHostView(): HostView {
  return {
    read: (path) => readFile(path, 'utf8').catch(() => null),
    list: (path) => readdir(path).catch(() => []),
    space: (path) => readSpace(path).catch(() => null),
    addresses: readAddresses,
  };
}

/**
 * Reads a file a pollster cannot do without. Rejects with a transient `NephoscopeError` (E7004) when it is not there.
 */
export async function readRequired(view: HostView, path: string): Promise<string> {
  const text = await view.read(path);
  if (text === null) throw new NephoscopeError('E7004', `${path} cannot be read`, { retry: 'transient' });
  return text;
}

async function readSpace(path: string): Promise<FileSystemSpace> {
  const { blocks, bfree, bsize } = await statfs(path);
  return { totalBytes: blocks * bsize, usedBytes: (blocks - bfree) * bsize };
}

function readAddresses(): ReadonlyMap<string, string> {
  const addresses = new Map<string, string>();
  for (const [name, entries] of Object.entries(networkInterfaces())) {
    const address = entries?.find((entry) => entry.family === 'IPv4')?.address;
    if (address !== undefined) addresses.set(name, address);
  }
  return addresses;
}
