import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { after, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { envelope, envelopeOfText, message } from '../../test/notification/notifications.ts';
import { type CapturedIo, captured } from '../../test/support/captured.ts';
import { EXIT } from './command.ts';
import { type ConvertOptions, convertFiles } from './convert.ts';
import { runCommandLine } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'nephoscope-convert-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

const events = write('events.yaml', '[{event_type: "*", traits: {size: {type: int, fields: payload.size}}}]');
const meters = write(
  'meters.yaml',
  `metric:
  - {name: size, event_type: compute, type: gauge, unit: B, volume: $.payload.size, resource_id: $.payload.id}
`,
);
const definitions = { eventDefinitions: events, meterDefinitions: meters, anyPriority: false };

async function convert(
  options: Partial<ConvertOptions>,
  input = '',
): Promise<{ readonly exitCode: number; readonly lines: readonly unknown[]; readonly io: CapturedIo }> {
  const io = captured(input);
  const exitCode = await convertFiles({ files: ['-'], ...definitions, ...options }, io);
  const lines = io.stdoutText().split('\n').slice(0, -1);
  return { exitCode, lines: lines.map((line) => JSON.parse(line)), io };
}

const payload = { id: 'r-1', size: 5 };

/** What a good notification with that payload becomes. */
function converted(exchange: string | null = null, messageId = 'm-1'): unknown {
  return {
    message_id: messageId,
    event_type: message.event_type,
    priority: 'INFO',
    exchange,
    events: [
      {
        event_type: message.event_type,
        message_id: messageId,
        generated: '2026-01-02T03:04:05.000006',
        traits: [
          ['service', 'string', 'compute.host-1'],
          ['size', 'integer', 5],
        ],
      },
    ],
    samples: [
      {
        name: 'size',
        type: 'gauge',
        unit: 'B',
        volume: 5,
        resource_id: 'r-1',
        project_id: null,
        user_id: null,
        timestamp: '2026-01-02T03:04:05.000006+00:00',
        resource_metadata: { ...payload, event_type: message.event_type, host: 'compute.host-1' },
      },
    ],
    errors: [],
  };
}

function failed(code: string, text: string, known: Record<string, string | null> = {}): unknown {
  const head = { message_id: null, event_type: null, priority: null, exchange: null };
  return { ...head, ...known, events: [], samples: [], errors: [{ code, message: text }] };
}

describe('convert', () => {
  test('takes recording lines, envelopes and bare messages', async () => {
    const input = [
      JSON.stringify({
        exchange: 'nova',
        routing_key: 'notifications.info',
        properties: {},
        body: envelope({ payload }),
      }),
      JSON.stringify({ body: JSON.stringify({ ...message, payload }) }),
      envelope({ payload }),
      JSON.stringify({ ...message, payload }),
      JSON.stringify({ ...message, payload, body: 'a field of the message' }),
    ];
    const { exitCode, lines } = await convert({}, input.join('\n'));
    assert.equal(exitCode, EXIT.done);
    assert.deepEqual(lines, [converted('nova'), converted(), converted(), converted(), converted()]);
  });

  test('takes several files, plain, gzip and the standard input, in their order', async () => {
    const line = (messageId: string) => `${envelope({ payload, message_id: messageId })}\n`;
    const plain = write('plain.jsonl', line('m-1'));
    const zipped = write('no-telling-name', gzipSync(line('m-2')));
    const { lines } = await convert({ files: [plain, '-', zipped] }, line('m-3'));
    assert.deepEqual(lines, [converted(null, 'm-1'), converted(null, 'm-3'), converted(null, 'm-2')]);
  });

  test('passes over blank lines and takes lines that end with CR LF', async () => {
    const { lines } = await convert({}, `\n  \r\n${envelope({ payload })}\r\n\n`);
    assert.deepEqual(lines, [converted()]);
  });

  test('gives a line for what cannot be read, with what is known of it, and goes on', async () => {
    const input = [
      'hello',
      JSON.stringify({ exchange: 'nova', body: envelopeOfText('{') }),
      JSON.stringify({ exchange: 'nova', body: envelope({ priority: 'LOUD' }) }),
      envelope({ payload }),
    ];
    const { exitCode, lines } = await convert({}, input.join('\n'));
    assert.equal(exitCode, EXIT.done);
    const [first, second] = lines as { errors: { code: string; message: string }[] }[];
    assert.equal(first?.errors[0]?.code, 'E5002');
    assert.deepEqual(lines, [
      failed('E5002', first?.errors[0]?.message ?? ''),
      failed('E5003', second?.errors[0]?.message ?? '', { exchange: 'nova' }),
      failed('E5007', 'the priority is "LOUD"', {
        message_id: 'm-1',
        event_type: message.event_type,
        exchange: 'nova',
      }),
      converted(),
    ]);
  });

  test('says that a line is not UTF-8', async () => {
    const file = write('latin1', Buffer.from(`${envelope({ payload: { name: 'Zürich' } })}\n`, 'latin1'));
    const { lines } = await convert({ files: [file] });
    const known = { message_id: 'm-1', event_type: message.event_type };
    assert.deepEqual(lines, [failed('E5001', 'the body is not valid UTF-8', known)]);
  });

  test('does not hold a line without end', async () => {
    const file = write('endless', `${'x'.repeat(17_000_000)}\n${envelope({ payload })}`);
    const { lines } = await convert({ files: [file] });
    assert.deepEqual(lines, [failed('E5011', 'the line has more than 16777216 bytes'), converted()]);
  });

  test('shows what was left out and what was dropped', async () => {
    const { lines } = await convert({}, envelope({ payload: { id: 'r-1', size: 'big' } }));
    const [line] = lines as { errors: unknown; dropped: unknown; samples: unknown }[];
    assert.deepEqual(line?.errors, [
      { code: 'E5013', message: 'trait size is left out: "big" is no integer' },
    ]);
    assert.deepEqual(line?.samples, []);
    assert.deepEqual(line?.dropped, [
      {
        name: 'size',
        type: 'gauge',
        unit: 'B',
        volume: 'big',
        resource_id: 'r-1',
        project_id: null,
        user_id: null,
        timestamp: '2026-01-02T03:04:05.000006+00:00',
        resource_metadata: { id: 'r-1', size: 'big', event_type: message.event_type, host: 'compute.host-1' },
        reason: 'bad-volume',
        message: 'sample "size" of "r-1" is left out: the volume "big" is no finite number',
      },
    ]);
  });

  test('prints numbers as they were written', async () => {
    const text = JSON.stringify({ ...message, payload: '@' }).replace(
      '"@"',
      '{"id":"r","size":1,"f":2.0,"n":9007199254740993}',
    );
    const { io } = await convert({}, text);
    assert.match(io.stdoutText(), /"f":2\.0,"n":9007199254740993/);
  });

  test('makes samples of other priorities when it is told to', async () => {
    const line = envelope({ payload, priority: 'ERROR' });
    const samples = async (anyPriority: boolean) => {
      const { lines } = await convert({ anyPriority }, line);
      return (lines as { samples: unknown[] }[]).map((one) => one.samples.length);
    };
    assert.deepEqual([await samples(false), await samples(true)], [[0], [1]]);
  });

  test('takes a directory of meter definitions, the first file wins', async () => {
    mkdirSync(join(folder, 'meters.d'));
    const meter = (unit: string) =>
      `metric: [{name: size, event_type: compute, type: gauge, unit: ${unit}, volume: 1, resource_id: $.payload.id}]`;
    write('meters.d/b.yaml', meter('second'));
    write('meters.d/a.yaml', meter('first'));
    write('meters.d/notes.txt', 'no definitions');
    const { lines, io } = await convert(
      { meterDefinitions: join(folder, 'meters.d') },
      envelope({ payload }),
    );
    assert.deepEqual(
      (lines as { samples: { unit: string }[] }[]).map(({ samples }) => samples.map(({ unit }) => unit)),
      [['first']],
    );
    assert.match(io.stderrText(), /^E1215 {2}warning: the meter size is defined in .*a\.yaml:1 too/);
  });

  test('uses the shipped definitions unless others are named', async () => {
    const io = captured(envelope({ payload: { instance_id: 'vm-1', memory_mb: 512, tenant_id: 'p' } }));
    assert.equal(await convertFiles({ files: ['-'], anyPriority: false }, io), EXIT.done);
    const line = JSON.parse(io.stdoutText());
    const memory = line.samples.find(({ name }: { name: string }) => name === 'memory');
    assert.deepEqual([memory.volume, memory.unit, memory.resource_id], [512, 'MiB', 'vm-1']);
    assert.equal(io.stderrText(), '');
  });

  test('reports all mistakes of bad definitions and still shows what the good ones beside them make', async () => {
    const badEvents = write(
      'bad-events.yaml',
      '- event_type: a\n  traits:\n    x: {type: string, fields: payload.x}\n- b\n- event_type: "*"\n  traits: {good: publisher_id}\n',
    );
    const badMeters = write('bad-meters.yaml', 'metric:\n  - name: a\n');
    const { exitCode, lines, io } = await convert(
      { eventDefinitions: badEvents, meterDefinitions: badMeters },
      envelope(),
    );
    assert.equal(exitCode, EXIT.badConfiguration);
    const events = (lines as { events: { traits: string[][] }[] }[]).flatMap((line) => line.events);
    assert.ok(events[0]?.traits.some(([name]) => name === 'good'));
    assert.equal(
      io.stderrText().replaceAll(folder, ''),
      `E1203  invalid trait type "string" for trait x
  --> /bad-events.yaml:3:15
    3 |     x: {type: string, fields: payload.x}
      |               ^^^^^^
  help: Did you mean text? The types are text, int, float and datetime.

E1201  "b" is no event definition
  --> /bad-events.yaml:4:3
    4 | - b
      |   ^
  help: Give a list of mappings with the keys event_type and traits.

E1212  required fields event_type, type, unit, volume, resource_id missing
  --> /bad-meters.yaml:2:5
    2 |   - name: a
      |     ^^^^
  help: Each meter has name, event_type, type, unit, volume and resource_id, none of them empty or 0.
`,
    );
  });

  test('says that a file of definitions is not there', async () => {
    const { exitCode, io } = await convert({ eventDefinitions: join(folder, 'nowhere.yaml') });
    assert.equal(exitCode, EXIT.badConfiguration);
    assert.match(io.stderrText(), /^E1001 .*cannot be read[\s\S]*nowhere\.yaml/);
  });

  test('says that a file of notifications is not there, after what came before it', async () => {
    const { exitCode, lines, io } = await convert(
      { files: ['-', join(folder, 'nowhere')] },
      envelope({ payload }),
    );
    assert.deepEqual([exitCode, lines], [EXIT.notFound, [converted()]]);
    assert.match(io.stderrText(), /^E5017 {2}.*nowhere/);
  });

  test('says that a compressed file is cut off, after what could be read of it', async () => {
    const zipped = gzipSync(`${envelope({ payload })}\n`.repeat(2000), { level: 0 });
    const file = write('cut.gz', zipped.subarray(0, zipped.length / 2));
    const { exitCode, lines, io } = await convert({ files: [file] });
    assert.equal(exitCode, EXIT.failed);
    assert.ok(lines.length > 100 && lines.length < 2000);
    assert.match(io.stderrText(), /^E5017 {2}unexpected end of file/);
  });

  test('answers each line as soon as it is there', async () => {
    const [stdin, stdout] = [new PassThrough(), new PassThrough()];
    const ended = convertFiles(
      { files: ['-'], ...definitions },
      { stdin, stdout, stderr: new PassThrough() },
    );
    const answers = stdout[Symbol.asyncIterator]();
    for (const messageId of ['m-1', 'm-2']) {
      stdin.write(`${envelope({ payload, message_id: messageId })}\n`);
      const { value } = await answers.next();
      assert.deepEqual(JSON.parse(String(value)), converted(null, messageId));
    }
    stdin.end();
    assert.equal(await ended, EXIT.done);
  });

  test('waits for a slow reader', async () => {
    const file = write('many', `${envelope({ payload })}\n`.repeat(5000));
    let [written, largest] = [0, 0];
    const stdout = new Writable({
      highWaterMark: 1,
      write(chunk, _encoding, done) {
        written += String(chunk).split('\n').length - 1;
        largest = Math.max(largest, stdout.writableLength);
        setImmediate(done);
      },
    });
    const io = { stdin: new PassThrough(), stdout, stderr: new PassThrough() };
    assert.equal(await convertFiles({ files: [file], ...definitions }, io), EXIT.done);
    assert.equal(written, 5000);
    assert.ok(largest < 500_000, `${largest} bytes lay in the stream`);
  });

  test('ends without complaint when its reader goes away', async () => {
    const file = write('many-more', `${envelope({ payload })}\n`.repeat(5000));
    const stdout = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    const stderr = new PassThrough();
    const io = { stdin: new PassThrough(), stdout, stderr };
    assert.equal(await convertFiles({ files: [file], ...definitions }, io), EXIT.done);
    assert.equal(stderr.read(), null);
  });

  test('is a command with these options', async () => {
    const io = captured(envelope({ payload, priority: 'ERROR' }));
    const argv = [
      'convert',
      '--any-priority',
      '--event-definitions',
      events,
      '--meter-definitions',
      meters,
      '-',
    ];
    assert.equal(await runCommandLine(argv, io), EXIT.done);
    const line = JSON.parse(io.stdoutText());
    assert.deepEqual([line.priority, line.samples.length], ['ERROR', 1]);
  });
});
