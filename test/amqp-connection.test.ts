import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { createServer, type Server } from 'node:tls';
import type { ChannelModel } from 'amqplib';
import { type AmqpConnection, type AmqpSession, createAmqpConnection } from '../src/bus/amqp-connection.ts';
import { readRabbitSettings } from '../src/bus/rabbit-settings.ts';
import { parseTransportUrl } from '../src/bus/transport-url.ts';
import { createDeadline } from '../src/component/component.ts';
import { NephoscopeError } from '../src/component/errors.ts';
import type { Logger } from '../src/observe/logger.ts';
import { silentLogger } from '../src/observe/logger.ts';
import { type Certificates, createCertificates, opensslAvailable } from './support/certificates.ts';
import { configOf } from './support/config.ts';
import { rabbitAvailable, skipUnless } from './support/services.ts';
import { createTcpProxy } from './support/tcp-proxy.ts';
import { until } from './support/until.ts';

const rabbit = await rabbitAvailable();
const FOR_EVER = new AbortController().signal;
const QUICK = {
  'oslo_messaging_rabbit/rabbit_retry_interval': 0.02,
  'oslo_messaging_rabbit/rabbit_interval_max': 0.05,
};

interface Connected extends AsyncDisposable {
  readonly connection: AmqpConnection;
  start(): Promise<void>;
}

function connected(
  url: string,
  setUp: (session: AmqpSession) => Promise<void> = async () => {},
  log: Logger = silentLogger,
): Connected {
  const parsed = parseTransportUrl(url);
  const settings = readRabbitSettings(configOf(QUICK), parsed);
  const connection = createAmqpConnection({ name: 'test', url: parsed, settings, log, setUp });
  return {
    connection,
    start: () => connection.start(FOR_EVER),
    [Symbol.asyncDispose]: () => connection.stop(createDeadline(1000)),
  };
}

/** A logger that keeps level, message and code of each line. */
function recordingLogger(lines: string[]): Logger {
  const write =
    (level: string) =>
    (...args: unknown[]): void => {
      const fields = typeof args[0] === 'object' ? (args[0] as { code?: string }) : {};
      lines.push(`${level} ${String(args.at(-1))} ${fields.code ?? ''}`.trim());
    };
  const log = { trace: write('trace'), debug: write('debug'), info: write('info'), warn: write('warn') };
  return { ...log, error: write('error'), fatal: write('fatal'), child: () => recordingLogger(lines) };
}

suite('broker connection', { skip: skipUnless(rabbit), timeout: 30_000 }, () => {
  test('set-up runs again on each fresh connection, and its failure is tried again', async () => {
    let runs = 0;
    await using one = connected('rabbit://guest:guest@127.0.0.1/', async () => {
      runs++;
      if (runs === 1)
        throw new NephoscopeError('E2009', 'the queue is not there yet', { retry: 'transient' });
    });
    await one.start();
    await until('it is set up', () => one.connection.session() !== null);
    assert.equal(runs, 2);
    one.connection.session()?.fail(new NephoscopeError('E2013', 'cancelled', { retry: 'transient' }));
    assert.equal(one.connection.session()?.lost.aborted ?? true, true);
    await until('it is set up again', () => runs === 3 && one.connection.status().state === 'ok');
    assert.equal(one.connection.reconnects(), 1);
  });

  test('the first failure is loud, its repeats are quiet, and the return is told', async () => {
    const lines: string[] = [];
    await using proxy = await createTcpProxy(5672, false);
    await using one = connected(
      `rabbit://guest:guest@127.0.0.1:${proxy.port}/`,
      undefined,
      recordingLogger(lines),
    );
    await one.start();
    await until('it was tried three times', () => lines.length >= 3);
    await proxy.up();
    await until('it is there', () => one.connection.status().state === 'ok');
    assert.equal(lines[0], 'warn No connection to the broker E2002');
    assert.deepEqual(new Set(lines.slice(1, -1)), new Set(['debug No connection to the broker yet E2002']));
    assert.equal(lines.at(-1), 'info Connected to the broker');
  });

  test('a broker that holds up publishers shows in the status', async () => {
    let model: ChannelModel | null = null;
    await using one = connected('rabbit://guest:guest@127.0.0.1/', async (session) => {
      model = session.model;
    });
    await one.start();
    // What the library does when the broker runs out of memory, which a test must not let the shared one do.
    (model as ChannelModel | null)?.emit('blocked', 'low on memory');
    assert.deepEqual(one.connection.status(), {
      state: 'degraded',
      reason: 'E2012 the broker holds up publishers: low on memory',
    });
    (model as ChannelModel | null)?.emit('unblocked');
    assert.deepEqual(one.connection.status(), { state: 'ok' });
  });

  test('it can be stopped at any time, twice, and started again', async () => {
    await using one = connected('rabbit://guest:guest@127.0.0.1/');
    await one.connection.stop(createDeadline(1000));
    for (let turns = 0; turns < 30; turns++) {
      const started = one.start();
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      const stopped = one.connection.stop(createDeadline(1000));
      assert.equal(one.connection.stop(createDeadline(1000)), stopped);
      if (turns % 3 === 0) void one.start();
      void one.connection.stop(createDeadline(1000));
      await Promise.all([started, stopped]);
      assert.deepEqual(one.connection.status(), { state: 'stopped', reason: 'not started' });
    }
    await one.start();
    assert.deepEqual(one.connection.status(), { state: 'ok' });
  });

  test('what answers there may be no broker at all', async () => {
    await using none = await createTcpProxy(1);
    await using one = connected(`rabbit://guest:guest@127.0.0.1:${none.port}/`);
    await one.start();
    assert.match(
      one.connection.trouble()?.message ?? '',
      /closed the connection during the opening handshake/,
    );
  });
});

const tlsSkip = skipUnless(rabbit, await opensslAvailable());

suite('broker connection with TLS', { skip: tlsSkip, timeout: 30_000 }, () => {
  let certificates: Certificates;
  let server: Server;
  let port: number;

  before(async () => {
    certificates = await createCertificates();
    // Asks for a certificate and drops those that show none, as a strict broker does.
    server = createServer(
      { ...(await certificates.read()), requestCert: true, rejectUnauthorized: false },
      (socket) => {
        if (socket.getPeerCertificate().subject === undefined && strict) return void socket.destroy();
        const broker = connect(5672, '127.0.0.1');
        socket.pipe(broker).pipe(socket);
        socket.on('error', () => broker.destroy()).on('close', () => broker.destroy());
        broker.on('error', () => socket.destroy());
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });
  after(async () => {
    await new Promise((resolve) => server.close(resolve));
    await certificates[Symbol.asyncDispose]();
  });
  let strict = false;

  async function outcome(host: string, query: string): Promise<string> {
    await using one = connected(`rabbit://guest:guest@${host}:${port}/?ssl=1&${query}`);
    await one.start();
    const trouble = one.connection.trouble();
    return trouble === null ? one.connection.status().state : `${trouble.code} ${trouble.message}`;
  }

  test('a certificate of a known authority is accepted, for its own name only', async () => {
    const ca = `ssl_ca_file=${certificates.caFile}`;
    assert.equal(await outcome('localhost', ca), 'ok');
    assert.match(
      await outcome('127.0.0.1', ca),
      /^E2005 TLS with broker .* failed: Hostname\/IP does not match/,
    );
    assert.equal(await outcome('127.0.0.1', `${ca}&ssl_enforce_hostname_verification=false`), 'ok');
  });

  test('a certificate of an unknown authority is refused unless checking is switched off', async () => {
    assert.match(
      await outcome('localhost', ''),
      /^E2005 TLS with broker localhost:\d+ failed: self-signed certificate in certificate chain/,
    );
    assert.equal(await outcome('localhost', 'ssl_verify=false'), 'ok');
  });

  test('the own certificate is shown to a broker that asks for one', async () => {
    const ca = `ssl_ca_file=${certificates.caFile}`;
    strict = true;
    try {
      assert.match(await outcome('localhost', ca), /^E2002 /);
      assert.equal(
        await outcome(
          'localhost',
          `${ca}&ssl_cert_file=${certificates.certFile}&ssl_key_file=${certificates.keyFile}`,
        ),
        'ok',
      );
    } finally {
      strict = false;
    }
  });

  test('a TLS file that is not there and a port without TLS are named', async () => {
    assert.match(
      await outcome('localhost', 'ssl_ca_file=/nowhere/ca.pem'),
      /^E2015 TLS file cannot be read: ENOENT.*\/nowhere\/ca\.pem/,
    );
    await using one = connected('rabbit://guest:guest@127.0.0.1:5672/?ssl=1');
    await one.start();
    assert.equal(
      one.connection.trouble()?.message,
      'TLS with broker 127.0.0.1:5672 failed: the port does not speak TLS',
    );
  });
});
