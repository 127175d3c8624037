import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { listen } from '../../test/support/listen.ts';
import { replay } from './replay.ts';
import type { ReplayOptions } from './replay-run.ts';

const directory = mkdtempSync(join(tmpdir(), 'nephoscope-replay-'));
after(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string | Buffer): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function message(number: number): string {
  return JSON.stringify({ event_type: 'x', message_id: `id-${number}` });
}

interface TestServer extends AsyncDisposable {
  readonly url: string;
  /** The lines of each request that was answered with 200. */
  readonly taken: string[][];
  readonly requests: () => number;
}

/** A server that takes notifications, unless `refuse` writes another answer and gives true. */
async function serve(
  refuse: (response: ServerResponse, lines: readonly string[]) => boolean = () => false,
): Promise<TestServer> {
  const taken: string[][] = [];
  let requests = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    if (request.url !== '/v1/notifications') return void response.end();
    requests++;
    const lines = body.split('\n');
    if (refuse(response, lines)) return;
    taken.push(lines);
    response.end(JSON.stringify({ accepted: lines.length, duplicate: 0, parked: 0 }));
  };
  const server: Server = createServer((request, response) => void answer(request, response));
  return {
    url: `http://127.0.0.1:${await listen(server, 0)}`,
    taken,
    requests: () => requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Ran {
  readonly code: number;
  readonly stderr: string;
}

async function run(
  to: string,
  files: readonly string[],
  options: Partial<ReplayOptions> = {},
  {
    stdin = Readable.from([]),
    interrupt = new AbortController().signal,
  }: { stdin?: Readable; interrupt?: AbortSignal } = {},
): Promise<Ran> {
  const stderr = new PassThrough();
  const all: ReplayOptions = {
    files,
    to,
    repeat: 1,
    newIds: false,
    exchange: 'openstack',
    topic: 'notifications',
    timeoutSeconds: 5,
    progress: false,
    ...options,
  };
  const noConfig = (): never => {
    throw new Error('the configuration is not needed');
  };
  const io = { stdin, stdout: new PassThrough(), stderr, env: {} };
  const code = await replay(all, noConfig, io, interrupt);
  return { code, stderr: String(stderr.read() ?? '').replace(/ in [\d.]+ s \([\d.]+\/s\)/, ' in T') };
}

suite('replay to a server', { timeout: 30_000 }, () => {
  test('sends recording lines, envelopes and bare messages with their bytes, line ends as blanks', async () => {
    await using server = await serve();
    const envelope = '{"oslo.version": "2.0", "oslo.message": "{\\"event_type\\": \\"y\\"}"}';
    const recording = JSON.stringify({
      exchange: 'nova',
      routing_key: 'notifications.info',
      body: '{\n"n": 1.0}',
    });
    const path = file('kinds.jsonl', `${recording}\n\n  ${envelope}\r\n${message(1)}`);
    assert.deepEqual(await run(server.url, [path]), {
      code: 0,
      stderr: `To ${server.url}/v1/notifications: 3 sent in T; of them 3 accepted\n`,
    });
    assert.deepEqual(server.taken, [['{ "n": 1.0}', envelope, message(1)]]);
  });

  test('bad lines are named and left out, the rest is sent, and the exit code says so', async () => {
    await using server = await serve();
    const path = file(
      'bad.jsonl',
      Buffer.concat([Buffer.from(`${message(1)}\n[]\n\n{}\n{"body":5}\n`), Buffer.from([0xff, 0x0a])]),
    );
    assert.deepEqual(await run(server.url, [path]), {
      code: 65,
      stderr: [
        `${path}:2: the line is not a JSON object; left out`,
        `${path}:4: the line is neither a recording line, an envelope nor a message with an event_type; left out`,
        `${path}:5: the body of the recording line is not text; left out`,
        `${path}:6: the line is not UTF-8; left out`,
        `To ${server.url}/v1/notifications: 1 sent in T; of them 1 accepted; 4 bad lines left out`,
        '',
      ].join('\n'),
    });
  });

  test('reads gzip and the standard input, and repeats with ids of its own for each message', async () => {
    await using server = await serve();
    const path = file('two.jsonl.gz', gzipSync(`${message(1)}\n${message(2)}\n`));
    assert.equal((await run(server.url, [path], { repeat: 3, newIds: true })).code, 0);
    const ids = server.taken.flat().map((line) => JSON.parse(line).message_id);
    assert.equal(ids.length, 6);
    assert.equal(new Set(ids).size, 6);
    assert.equal((await run(server.url, ['-'], {}, { stdin: Readable.from([message(3)]) })).code, 0);
    assert.deepEqual(server.taken.at(-1), [message(3)]);
    assert.deepEqual(await run(server.url, ['-'], { repeat: 2 }), {
      code: 2,
      stderr: '--repeat cannot read the standard input again; give a file\n',
    });
  });

  test('large files go in several requests, and the limit ends them', async () => {
    await using server = await serve();
    const path = file('many.jsonl', Array.from({ length: 1000 }, (_, index) => message(index)).join('\n'));
    assert.equal((await run(server.url, [path], { limit: 620 })).code, 0);
    assert.deepEqual(server.taken.map((lines) => lines.length).sort(), [120, 250, 250]);
    const sorted = server.taken
      .flat()
      .map((line) => Number(JSON.parse(line).message_id.slice(3)))
      .sort((a, b) => a - b);
    assert.deepEqual(
      sorted,
      Array.from({ length: 620 }, (_, index) => index),
    );
  });

  test('a rate is kept', async () => {
    await using server = await serve();
    const path = file('rate.jsonl', Array.from({ length: 30 }, (_, index) => message(index)).join('\n'));
    const began = performance.now();
    assert.equal((await run(server.url, [path], { rate: 100 })).code, 0);
    const tookMillis = performance.now() - began;
    assert.ok(tookMillis >= 285 && tookMillis < 1500, `${tookMillis} ms for 30 messages at 100 a second`);
  });

  test('a server that cannot take them now gets the same request again, after the time it asks for', async () => {
    let refusals = 0;
    await using server = await serve((response) => {
      if (refusals >= 2) return false;
      refusals++;
      response.writeHead(503, { 'retry-after': refusals === 1 ? '1' : '0' }).end();
      return true;
    });
    const began = performance.now();
    const { code, stderr } = await run(server.url, [file('one.jsonl', message(1))]);
    assert.equal(code, 0);
    assert.match(stderr, /1 sent in T; of them 1 accepted/);
    assert.ok(performance.now() - began >= 1000);
    assert.deepEqual([server.requests(), server.taken], [3, [[message(1)]]]);
  });

  test('a server that takes nothing for the timeout ends it with 69 and the reason', async () => {
    await using server = await serve((response) => {
      response.writeHead(503).end(JSON.stringify({ error_message: { faultstring: 'the store is away' } }));
      return true;
    });
    const { code, stderr } = await run(server.url, [file('one.jsonl', message(1))], { timeoutSeconds: 0.5 });
    assert.equal(code, 69);
    assert.match(
      stderr,
      /^Ended early; to .*: 0 sent in T\nE4032 .* answered 503: the store is away\n {2}help: /,
    );
  });

  test('a request that is too large is split, and a message that is too large alone is refused', async () => {
    await using server = await serve((response, lines) => {
      const isTooLarge = lines.length > 2 || lines.some((line) => line.includes('"large"'));
      if (isTooLarge) response.writeHead(413).end('{}');
      return isTooLarge;
    });
    const large = JSON.stringify({ event_type: 'large' });
    const path = file('large.jsonl', [message(1), message(2), large, message(3), message(4)].join('\n'));
    const { code, stderr } = await run(server.url, [path]);
    assert.equal(code, 1);
    assert.match(stderr, /refused: .* answered 413.*\n.*4 sent in T; of them 4 accepted; 1 refused/);
    assert.deepEqual(server.taken.flat(), [1, 2, 3, 4].map(message));
  });

  test('a server that is not there, a missing file and a bad URL have exit codes of their own', async () => {
    await using server = await serve();
    const path = file('one.jsonl', message(1));
    const away = await run('http://127.0.0.1:9', [path]);
    assert.equal(away.code, 69);
    assert.match(away.stderr, /^E4031 /);
    const missing = join(directory, 'missing');
    assert.deepEqual(await run(server.url, [path, missing]), {
      code: 4,
      stderr: `Ended early; to ${server.url}/v1/notifications: 1 sent in T; of them 1 accepted\nE5017 ENOENT: no such file or directory, open '${missing}'\n`,
    });
    assert.deepEqual(await run('ftp://h', [path]), {
      code: 2,
      stderr: '--to begins with none of http://, https://, rabbit://\n',
    });
  });

  test('what comes slowly through the standard input does not wait for more', async () => {
    const stdin = new PassThrough();
    await using server = await serve(() => {
      stdin.end();
      return false;
    });
    stdin.write(`${message(1)}\n`);
    assert.equal((await run(server.url, ['-'], {}, { stdin })).code, 0);
    assert.deepEqual(server.taken, [[message(1)]]);
  });

  test('an interrupt ends it after what is on its way has arrived, and says how many that were', async () => {
    const interrupt = new AbortController();
    const stdin = new PassThrough();
    await using server = await serve(() => {
      interrupt.abort();
      return false;
    });
    for (let number = 0; number < 250; number++) stdin.write(`${message(number)}\n`);
    assert.deepEqual(await run(server.url, ['-'], {}, { stdin, interrupt: interrupt.signal }), {
      code: 130,
      stderr: `Interrupted; to ${server.url}/v1/notifications: 250 sent in T; of them 250 accepted\n`,
    });
  });
});
