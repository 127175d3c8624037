import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createCertificates, opensslAvailable } from '../../test/support/certificates.ts';
import { type FakeHttpTarget, type Reaction, startHttpTarget } from '../../test/support/http-target.ts';
import { skipUnless } from '../../test/support/services.ts';
import { createDeadline } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import { Secret } from '../config/option.ts';
import type { Logger } from '../observe/logger.ts';
import { silentLogger } from '../observe/logger.ts';
import { createHttpClient, type HttpClient, type HttpClientSettings } from './http-client.ts';
import { HttpError, refusal } from './http-errors.ts';
import { type TlsSettings, tlsSettings } from './http-tls.ts';

const VERIFY: TlsSettings = { verify: true, caPath: null, certFile: null, keyFile: null };

function settingsFor(port: number, more: Partial<HttpClientSettings> = {}): HttpClientSettings {
  return {
    origin: `http://127.0.0.1:${port}`,
    shown: `http://127.0.0.1:${port}/in`,
    authorization: null,
    connections: 4,
    connectTimeoutMillis: 1_000,
    answerTimeoutMillis: 1_000,
    totalTimeoutMillis: 2_000,
    tls: VERIFY,
    ...more,
  };
}

async function started(
  port: number,
  more: Partial<HttpClientSettings> = {},
  log: Logger = silentLogger,
): Promise<HttpClient & AsyncDisposable> {
  const client = createHttpClient(settingsFor(port, more), log);
  await client.start();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.stop(createDeadline(100)) });
}

const POST = {
  method: 'POST',
  path: '/in?x=1',
  headers: { 'content-type': 'text/plain' },
  body: 'hello',
} as const;

function post(client: HttpClient, signal = new AbortController().signal): ReturnType<HttpClient['request']> {
  return client.request(POST, signal);
}

async function failure(work: Promise<unknown>): Promise<{ code: string; retry: string; message: string }> {
  const error = await work.then(
    () => assert.fail('it succeeded'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof NephoscopeError, String(error));
  return { code: error.code, retry: error.retry, message: error.message };
}

async function failureWith(reaction: Reaction): Promise<{ code: string; message: string }> {
  await using target = await startHttpTarget();
  target.react(() => reaction);
  await using client = await started(target.port, { answerTimeoutMillis: 300, totalTimeoutMillis: 600 });
  const { code, retry, message } = await failure(post(client));
  assert.equal(retry, 'transient');
  target.react(() => ({ status: 204 }));
  assert.equal((await post(client)).status, 204, 'it goes on afterwards');
  return { code, message: message.replaceAll(String(target.port), 'PORT') };
}

test('a request arrives as it was made, and its answer comes back', async () => {
  await using target = await startHttpTarget();
  target.react(() => ({ status: 201, headers: { 'x-a': 'b' }, body: 'thänks' }));
  await using client = await started(target.port, { authorization: new Secret('Basic dTpw') });
  const answer = await post(client);
  assert.deepEqual(
    [answer.status, answer.text, answer.isTruncated, answer.header('x-a')],
    [201, 'thänks', false, 'b'],
  );
  const [{ method, path, headers, body } = assert.fail()] = target.requests;
  assert.deepEqual([method, path, String(body)], ['POST', '/in?x=1', 'hello']);
  assert.deepEqual(
    [headers['content-type'], headers.authorization, headers['user-agent']],
    ['text/plain', 'Basic dTpw', 'nephoscope'],
  );
});

test('connections are kept, and never more than permitted', async () => {
  await using target = await startHttpTarget();
  await using client = await started(target.port);
  for (let count = 0; count < 5; count++) await post(client);
  // A second one is opened when the first is a moment late in becoming free.
  assert.ok(target.connections() <= 2, `${target.connections()} connections`);
  await Promise.all(Array.from({ length: 40 }, () => post(client)));
  assert.ok(target.connections() <= 4, `${target.connections()} connections`);
  assert.equal(target.requests.length, 45);
});

test('an answer is read up to the bound and no further', async () => {
  await using target = await startHttpTarget();
  target.react(() => ({ status: 200, body: 'x'.repeat(1_000_000) }));
  await using client = await started(target.port);
  const answer = await post(client);
  assert.deepEqual([answer.status, answer.text.length, answer.isTruncated], [200, 65_536, true]);
  target.react(() => ({ status: 200, body: 'y'.repeat(65_536) }));
  const whole = await post(client);
  assert.deepEqual([whole.text.length, whole.isTruncated], [65_536, false]);
});

test('a redirect is not followed', async () => {
  await using elsewhere = await startHttpTarget();
  await using target = await startHttpTarget();
  target.react(() => ({ status: 307, headers: { location: `http://127.0.0.1:${elsewhere.port}/` } }));
  await using client = await started(target.port, { authorization: new Secret('Basic dTpw') });
  assert.equal((await post(client)).status, 307);
  assert.equal(elsewhere.requests.length, 0);
});

test('a target that refuses connections is not reachable, and reachable once it is there', async () => {
  await using target = await startHttpTarget();
  await target.down();
  await using client = await started(target.port);
  const refused = await failure(post(client));
  assert.deepEqual(refused, {
    code: 'E8010',
    retry: 'transient',
    message: `http://127.0.0.1:${target.port}/in cannot be reached: connect ECONNREFUSED 127.0.0.1:${target.port}`,
  });
  await target.up();
  assert.equal((await post(client)).status, 200);
});

test('a target that takes a request and says nothing is too slow', async () => {
  const { code, message } = await failureWith('hang');
  assert.equal(code, 'E8011');
  assert.match(message, /^http:\/\/127\.0\.0\.1:PORT\/in does not answer: /);
});

test('a target that trickles its answer is cut off by the total time', async () => {
  await using target = await startHttpTarget();
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n';
  target.react(() => ({ raw: head, close: false }));
  await using client = await started(target.port, { answerTimeoutMillis: 60_000, totalTimeoutMillis: 200 });
  const { code, message } = await failure(post(client));
  assert.equal(code, 'E8011');
  assert.match(message, /does not answer: nothing after 200 ms$/);
});

test('a target that answers something else than HTTP is told apart', async () => {
  const { code, message } = await failureWith({ raw: 'SSH-2.0-OpenSSH_9.2\r\n\r\n', close: false });
  assert.equal(code, 'E8015');
  assert.match(message, /^http:\/\/127\.0\.0\.1:PORT\/in answers something that is no HTTP: /);
});

test('a connection that ends within the answer is a failure', async () => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhal';
  const { code } = await failureWith({ raw: head, close: true });
  assert.equal(code, 'E8010');
});

test('a connection that ends before the answer is a failure', async () => {
  const { code } = await failureWith({ raw: '', close: true });
  assert.equal(code, 'E8010');
});

test('a host name that does not exist is not reachable', async () => {
  await using client = await started(1, { origin: 'http://nowhere.invalid:80' });
  assert.equal((await failure(post(client))).code, 'E8010');
});

test('the signal ends waiting, also before it began', async () => {
  await using target = await startHttpTarget();
  const controller = new AbortController();
  target.react(() => {
    controller.abort();
    return 'hang';
  });
  await using client = await started(target.port);
  const message = `http://127.0.0.1:${target.port}/in does not answer: no longer waited for`;
  const expected = { code: 'E8011', retry: 'transient', message };
  assert.deepEqual(await failure(post(client, controller.signal)), expected);
  assert.deepEqual(await failure(post(client, AbortSignal.abort())), expected);
  assert.equal(target.requests.length, 1);
});

test('stopping lets requests end, breaks them off at the deadline, and starting again works', async () => {
  await using target = await startHttpTarget();
  const answering = Promise.withResolvers<Reaction>();
  target.react(() => answering.promise);
  const client = createHttpClient(settingsFor(target.port), silentLogger);
  await client.stop(createDeadline(10));
  assert.equal((await failure(post(client))).message, `Not connected to http://127.0.0.1:${target.port}/in`);
  await Promise.all([client.start(), client.start()]);
  const gentle = post(client);
  const stopping = client.stop(createDeadline(5_000));
  answering.resolve({ status: 200 });
  await Promise.all([stopping, client.stop(createDeadline(5_000))]);
  assert.equal((await gentle).status, 200);
  await client.start();
  target.react(() => 'hang');
  const lost = failure(post(client));
  await client.stop(createDeadline(50));
  assert.equal((await lost).retry, 'transient');
});

describe('over TLS', { skip: skipUnless(await opensslAvailable()) }, () => {
  async function tlsTarget(): Promise<
    {
      readonly target: FakeHttpTarget;
      readonly certificates: Awaited<ReturnType<typeof createCertificates>>;
      readonly more: Partial<HttpClientSettings>;
    } & AsyncDisposable
  > {
    const certificates = await createCertificates();
    const files = await certificates.read();
    const target = await startHttpTarget({ ...files, requestCert: true, rejectUnauthorized: false });
    const more = { origin: `https://localhost:${target.port}`, shown: 'https://localhost/in' };
    return {
      target,
      certificates,
      more,
      [Symbol.asyncDispose]: async () => {
        await target[Symbol.asyncDispose]();
        await certificates[Symbol.asyncDispose]();
      },
    };
  }

  test('a target of an unknown authority is not trusted, and with that authority it is', async () => {
    await using made = await tlsTarget();
    const { target, more, certificates } = made;
    await using distrustful = await started(target.port, more);
    const { code, retry, message } = await failure(post(distrustful));
    assert.deepEqual([code, retry], ['E8016', 'transient']);
    assert.match(message, /^No TLS connection with https:\/\/localhost\/in: /);
    await using trusting = await started(target.port, {
      ...more,
      tls: tlsSettings(certificates.caFile, null, null),
    });
    assert.equal((await post(trusting)).status, 200);
  });

  test('the authorities may lie in a directory, beside other files', async () => {
    await using made = await tlsTarget();
    const directory = await mkdtemp(join(tmpdir(), 'nephoscope-ca-'));
    try {
      await copyFile(made.certificates.caFile, join(directory, 'own.pem'));
      await writeFile(join(directory, 'README'), 'nothing');
      await using client = await started(made.target.port, {
        ...made.more,
        tls: tlsSettings(directory, null, null),
      });
      assert.equal((await post(client)).status, 200);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('a certificate for another name, or of another authority, is not accepted', async () => {
    await using made = await tlsTarget();
    await using other = await createCertificates();
    const origin = `https://127.0.0.1:${made.target.port}`;
    const byAddress = { ...made.more, origin, tls: tlsSettings(made.certificates.caFile, null, null) };
    await using wrongName = await started(made.target.port, byAddress);
    assert.equal((await failure(post(wrongName))).code, 'E8016');
    await using wrongAuthority = await started(made.target.port, {
      ...made.more,
      tls: tlsSettings(other.caFile, null, null),
    });
    assert.equal((await failure(post(wrongAuthority))).code, 'E8016');
  });

  test('without verification any target will do, and each start warns of it', async () => {
    await using made = await tlsTarget();
    const warnings: unknown[] = [];
    const log = { ...silentLogger, warn: (...said: unknown[]) => warnings.push(said) } as unknown as Logger;
    await using client = await started(
      made.target.port,
      { ...made.more, tls: tlsSettings('False', null, null) },
      log,
    );
    assert.equal((await post(client)).status, 200);
    assert.deepEqual(warnings, [
      [{ origin: `https://localhost:${made.target.port}` }, 'Certificates of the target are not verified'],
    ]);
  });

  test('a target that asks for a certificate gets ours, and one that gets none refuses', async () => {
    await using certificates = await createCertificates();
    const { ca, cert, key } = await certificates.read();
    await using target = await startHttpTarget({
      ca,
      cert,
      key,
      requestCert: true,
      rejectUnauthorized: true,
    });
    const { caFile, certFile, keyFile } = certificates;
    const more = { origin: `https://localhost:${target.port}`, shown: 'https://localhost/in' };
    await using anonymous = await started(target.port, { ...more, tls: tlsSettings(caFile, null, null) });
    assert.equal((await failure(post(anonymous))).retry, 'transient');
    assert.equal(target.requests.length, 0);
    await using known = await started(target.port, { ...more, tls: tlsSettings(caFile, certFile, keyFile) });
    assert.equal((await post(known)).status, 200);
  });

  test('renewed files count from the next connection on, without a restart', async () => {
    await using made = await tlsTarget();
    await using other = await createCertificates();
    const caFile = join(other.caFile, '..', 'current.pem');
    await copyFile(other.caFile, caFile);
    await using client = await started(made.target.port, {
      ...made.more,
      tls: tlsSettings(caFile, null, null),
    });
    assert.equal((await failure(post(client))).code, 'E8016');
    await rm(caFile);
    assert.equal((await failure(post(client))).code, 'E8017');
    await copyFile(made.certificates.caFile, caFile);
    assert.equal((await post(client)).status, 200);
  });

  test('files that cannot be used stop the start and are named', async () => {
    await using certificates = await createCertificates();
    const { caFile, certFile, keyFile } = certificates;
    const startWith = (tls: TlsSettings): Promise<void> =>
      createHttpClient(settingsFor(1, { origin: 'https://localhost:1', tls }), silentLogger).start();
    const missing = await failure(startWith(tlsSettings('/nonexistent/ca.pem', null, null)));
    assert.equal(missing.code, 'E8017');
    assert.match(missing.message, /^\/nonexistent\/ca\.pem cannot be used for TLS: ENOENT/);
    assert.deepEqual(await failure(startWith(tlsSettings(keyFile, null, null))), {
      code: 'E8017',
      retry: 'permanent',
      message: `${keyFile} cannot be used for TLS: it holds no PEM block "CERTIFICATE"`,
    });
    assert.equal((await failure(startWith(tlsSettings(caFile, certFile, caFile)))).code, 'E8017');
    assert.equal((await failure(startWith(tlsSettings(tmpdir(), '/nonexistent', null)))).code, 'E8017');
  });
});

test('verify_ssl is boolean text or a path', () => {
  const own = { certFile: null, keyFile: null };
  assert.deepEqual(tlsSettings(' yes ', null, null), { verify: true, caPath: null, ...own });
  assert.deepEqual(tlsSettings('OFF', null, null), { verify: false, caPath: null, ...own });
  assert.deepEqual(tlsSettings('/etc/ca', null, null), { verify: true, caPath: '/etc/ca', ...own });
});

function answer(status: number, text = '', headers: Readonly<Record<string, string>> = {}) {
  return { status, text, isTruncated: false, header: (name: string) => headers[name] };
}

test('every status means: taken, later, not from you, or never', () => {
  const meaning = (status: number): string => {
    const error = refusal(answer(status), 'http://h/');
    return error === null ? 'taken' : `${error.code} ${error.retry}`;
  };
  const all = Map.groupBy(
    Array.from({ length: 500 }, (_, index) => index + 100),
    meaning,
  );
  const listed = Object.fromEntries([...all].map(([name, statuses]) => [name, statuses.length]));
  assert.deepEqual(listed, {
    'E8014 transient': 100 + 100 + 6,
    taken: 100,
    'E8013 permanent': 91,
    'E8012 transient': 3 + 100,
  });
  assert.deepEqual(all.get('E8012 transient')?.slice(0, 4), [408, 425, 429, 500]);
  assert.deepEqual(all.get('E8013 permanent')?.slice(0, 3), [400, 406, 409]);
});

test('a refusal says what the target said, without secrets, and when to come again', () => {
  const text = ` try\nwith dTpw ${'x'.repeat(300)}`;
  const error = refusal(answer(503, text, { 'retry-after': '30' }), 'http://h/in', ['dTpw', '']);
  assert.ok(error instanceof HttpError);
  const quote = `try\\nwith (secret) ${'x'.repeat(182)}…`;
  assert.equal(
    error.message,
    `http://h/in answers 503 Service Unavailable "${quote}"; come again after 30 s`,
  );
  assert.deepEqual([error.status, error.retryAfterMillis], [503, 30_000]);
});

test('Retry-After is seconds or a date, and anything else is none', () => {
  const after = (value: string): number | null | undefined =>
    refusal(answer(429, '', { 'retry-after': value }), 'http://h/')?.retryAfterMillis;
  assert.equal(after('0'), 0);
  assert.equal(after('999999999999'), 86_400_000);
  assert.equal(after('Wed, 21 Oct 2015 07:28:00 GMT'), 0);
  assert.deepEqual(['', '-1', '1.5', 'soon', '2030-01-01'].map(after), [null, null, null, null, null]);
});
