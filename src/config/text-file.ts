import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type Position, type Problem, problem, toError } from '../component/errors.ts';

/** No configuration file is larger: a device or a log named by mistake must not fill the memory. */
const maxBytes = 4 * 1024 * 1024;

/**
 * Reads a configuration file as UTF-8 text, without its byte order mark. Never throws: what is wrong (missing, no
 * permission, a directory, too large, another encoding) is one problem at the file's beginning.
 */
export function readTextFile(file: string): {
  readonly text: string | null;
  readonly problems: readonly Problem[];
} {
  const at: Position = { file, line: 1, column: 1 };
  try {
    const bytes = readBytes(file);
    if (bytes === null) {
      return failed(problem('E1003', `the file has more than ${maxBytes} bytes`, at));
    }
    return decode(bytes, at);
  } catch (thrown) {
    return failed(problem('E1001', `the file cannot be read: ${reasonOf(thrown)}`, at));
  }
}

function readBytes(file: string): Buffer | null {
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    if (size > maxBytes) return null;
    return readUpTo(descriptor, maxBytes + 1);
  } finally {
    closeSync(descriptor);
  }
}

/** The size a file says it has is not believed: /proc and devices say 0. */
function readUpTo(descriptor: number, limit: number): Buffer | null {
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    const chunk = Buffer.alloc(65_536);
    const length = readSync(descriptor, chunk);
    if (length === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, length));
    total += length;
    if (total >= limit) return null;
  }
}

function decode(bytes: Buffer, at: Position): ReturnType<typeof readTextFile> {
  const isUtf16 = bytes.length >= 2 && ['fffe', 'feff'].includes(bytes.subarray(0, 2).toString('hex'));
  if (isUtf16) return failed(problem('E1002', 'the file is UTF-16', at));
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), problems: [] };
  } catch {
    const good = goodPrefix(bytes);
    const line = good.split('\n').length;
    const column = good.length - good.lastIndexOf('\n');
    const byte = bytes[Buffer.byteLength(good)] ?? 0;
    const what = `the byte 0x${byte.toString(16).padStart(2, '0')} is not UTF-8`;
    return failed(problem('E1002', what, { ...at, line, column }));
  }
}

/** The text up to the first byte that is not UTF-8. */
function goodPrefix(bytes: Buffer): string {
  let low = 0;
  let high = bytes.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (isGoodPrefix(bytes.subarray(0, middle))) low = middle;
    else high = middle - 1;
  }
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, low), { stream: true });
}

function isGoodPrefix(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of its path is not a directory',
  ELOOP: 'its symbolic links go round in a circle',
};

function reasonOf(thrown: unknown): string {
  const { code } = thrown as NodeJS.ErrnoException;
  return (code === undefined ? undefined : reasons[code]) ?? toError(thrown).message;
}

function failed(one: Problem): { readonly text: null; readonly problems: readonly Problem[] } {
  return { text: null, problems: [one] };
}
