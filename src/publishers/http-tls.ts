import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { NephoscopeError, toError } from '../component/errors.ts';

/** How a TLS connection is made and what the other side must prove. */
export interface TlsSettings {
  /** False: any certificate will do. */
  readonly verify: boolean;
  /** A PEM file, or a directory of them, with the authorities to trust instead of the built-in ones. */
  readonly caPath: string | null;
  /** PEM file of the own certificate with its chain, for targets that ask for one. */
  readonly certFile: string | null;
  /** PEM file of its key; null when it stands in `certFile`. */
  readonly keyFile: string | null;
}

/** What is in the files, ready for `tls.connect`. */
export interface TlsMaterial {
  readonly rejectUnauthorized: boolean;
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
}

/** Far above every bundle of authorities; below what would hurt. */
const MAX_PEM_BYTES = 4 * 1024 * 1024;
const MAX_CA_FILES = 2_000;

/** The texts that oslo's strict reading of a boolean knows. */
const BOOLEAN_TEXTS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'true', 'on', 'y', 'yes'].map((text) => [text, true] as const),
  ...['0', 'f', 'false', 'off', 'n', 'no'].map((text) => [text, false] as const),
]);

/**
 * Reads `verify_ssl` as the original does (reference: samples-and-events.md section 5): boolean text, in any case, or
 * else the path of a file or directory of authorities. Pure.
 */
export function tlsSettings(verifySsl: string, certFile: string | null, keyFile: string | null): TlsSettings {
  const verify = BOOLEAN_TEXTS.get(verifySsl.trim().toLowerCase());
  return { verify: verify ?? true, caPath: verify === undefined ? verifySsl : null, certFile, keyFile };
}

/**
 * Reads the files. Rejects with a permanent `NephoscopeError` (E8017) that names the file which cannot be read or holds
 * no PEM. Safe to call again: certificates are renewed while we run.
 */
export async function readTlsMaterial(settings: TlsSettings): Promise<TlsMaterial> {
  const { verify, caPath, certFile, keyFile } = settings;
  const [ca, cert, key] = await Promise.all([
    verify && caPath !== null ? readAuthorities(caPath) : undefined,
    certFile === null ? undefined : readPem(certFile, 'CERTIFICATE'),
    keyFile === null ? undefined : readPem(keyFile, 'PRIVATE KEY'),
  ]);
  const own = cert === undefined ? {} : { cert, key: key ?? cert };
  return { rejectUnauthorized: verify, ...(ca === undefined ? {} : { ca }), ...own };
}

async function readAuthorities(path: string): Promise<readonly string[]> {
  const isDirectory = await stat(path).then((found) => found.isDirectory(), fileError(path));
  if (!isDirectory) return [await readPem(path, 'CERTIFICATE')];
  const names = (await readdir(path).catch(fileError(path))).sort();
  if (names.length > MAX_CA_FILES) throw unusable(path, `it holds more than ${MAX_CA_FILES} files`);
  const texts = new Set<string>();
  for (const name of names) {
    // Such directories hold each certificate twice, by name and by hash, and files of other kinds beside them.
    const text = await readFile(join(path, name), 'utf8').catch(() => '');
    if (text.includes('-----BEGIN CERTIFICATE-----') && text.length <= MAX_PEM_BYTES) texts.add(text);
  }
  if (texts.size === 0) throw unusable(path, 'no file in it holds a certificate');
  return [...texts];
}

async function readPem(file: string, kind: 'CERTIFICATE' | 'PRIVATE KEY'): Promise<string> {
  const { size } = await stat(file).catch(fileError(file));
  if (size > MAX_PEM_BYTES) throw unusable(file, `it is larger than ${MAX_PEM_BYTES} bytes`);
  const text = await readFile(file, 'utf8').catch(fileError(file));
  if (!text.includes(`${kind}-----`)) throw unusable(file, `it holds no PEM block "${kind}"`);
  return text;
}

function fileError(file: string): (thrown: unknown) => never {
  return (thrown) => {
    throw unusable(file, toError(thrown).message, thrown);
  };
}

function unusable(file: string, why: string, cause?: unknown): NephoscopeError {
  return new NephoscopeError('E8017', `${file} cannot be used for TLS: ${why}`, { cause });
}
