import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Service } from './services.ts';

const run = promisify(execFile);

/** A certificate authority for a test and what it signed; files go with it. */
export interface Certificates extends AsyncDisposable {
  readonly caFile: string;
  /** Made out to localhost and to no other name or address. */
  readonly certFile: string;
  readonly keyFile: string;
  read(): Promise<{ readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer }>;
}

export async function opensslAvailable(): Promise<Service> {
  const missing = await run('openssl', ['version']).then(
    () => null,
    () => 'there is no command openssl',
  );
  return { name: 'openssl', missing };
}

/** Makes an authority and one certificate, both short-lived. */
export async function createCertificates(): Promise<Certificates> {
  const directory = await mkdtemp(join(tmpdir(), 'nephoscope-tls-'));
  const [caFile, caKey, certFile, keyFile, request, extensions] = [
    'ca.pem',
    'ca.key',
    'cert.pem',
    'cert.key',
    'cert.csr',
    'cert.ext',
  ].map((name) => join(directory, name)) as [string, string, string, string, string, string];
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await run('openssl', [
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    caKey,
    '-out',
    caFile,
    '-days',
    '2',
    '-subj',
    '/CN=test authority',
  ]);
  await run('openssl', ['req', ...newKey, '-keyout', keyFile, '-out', request, '-subj', '/CN=localhost']);
  await writeFile(extensions, 'subjectAltName=DNS:localhost\n');
  const signing = ['-CA', caFile, '-CAkey', caKey, '-CAcreateserial', '-days', '2', '-extfile', extensions];
  await run('openssl', ['x509', '-req', '-in', request, ...signing, '-out', certFile]);
  return {
    caFile,
    certFile,
    keyFile,
    read: async () => {
      const [ca, cert, key] = await Promise.all([readFile(caFile), readFile(certFile), readFile(keyFile)]);
      return { ca, cert, key };
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}
