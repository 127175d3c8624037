import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { runApi } from '../../test/api-v2/running-api.ts';
import { stubStore } from '../../test/api-v2/stub-store.ts';
import { captured, runCommand } from '../../test/support/captured.ts';
import { until } from '../../test/support/until.ts';
import { NephoscopeError } from '../component/errors.ts';
import { Metrics } from '../observe/metrics.ts';
import { registerTop, top } from './top.ts';
import { parseMetrics } from './top-metrics.ts';
import { type Reading, type TopRow, topRows } from './top-rows.ts';
import { formatTop, processFigures } from './top-screen.ts';

function reading(atSeconds: number, text: string): Reading {
  return { atSeconds, points: parseMetrics(text) };
}

const BEFORE = `
nephoscope_source_received_total{source="amqp-1"} 100
nephoscope_source_received_total{source="amqp-2"} 5
nephoscope_source_acknowledged_total{source="amqp-1"} 90
nephoscope_source_in_flight{source="amqp-1"} 10
nephoscope_source_connected{source="amqp-1"} 1
nephoscope_source_connected{source="amqp-2"} 1
nephoscope_source_trouble_total{source="amqp-2",code="E2002"} 1
nephoscope_notifications_total{outcome="accepted"} 90
nephoscope_converted_total{kind="event"} 90
nephoscope_publisher_accepted_total{publisher="publisher:udp:samples"} 1000
nephoscope_publisher_dropped_total{publisher="publisher:udp:samples",reason="full"} 4
process_cpu_seconds_total 10
`;
const AFTER = `
# HELP nephoscope_source_received_total Messages that arrived.
# TYPE nephoscope_source_received_total counter
nephoscope_source_received_total{source="amqp-1"} 300
nephoscope_source_received_total{source="amqp-2"} 3
nephoscope_source_acknowledged_total{source="amqp-1"} 290
nephoscope_source_in_flight{source="amqp-1"} 20
nephoscope_source_connected{source="amqp-1"} 1
nephoscope_source_connected{source="amqp-2"} 0
nephoscope_source_trouble_total{source="amqp-2",code="E2002"} 1
nephoscope_source_trouble_total{source="amqp-2",code="E2006"} 2
nephoscope_notifications_total{outcome="accepted"} 280
nephoscope_notifications_total{outcome="duplicate"} 10
nephoscope_converted_total{kind="event"} 280
nephoscope_converted_total{kind="sample"} 20
nephoscope_samples_dropped_total{reason="no volume"} 3
nephoscope_publisher_accepted_total{publisher="publisher:udp:samples"} 1500
nephoscope_publisher_dropped_total{publisher="publisher:udp:samples",reason="full"} 4
nephoscope_publisher_dropped_total{publisher="publisher:udp:samples",reason="damaged"} 2
nephoscope_publisher_waiting_items{publisher="publisher:udp:samples"} 7
nephoscope_publisher_in_flight{publisher="publisher:udp:samples"} 3
nephoscope_publisher_queued_batches{publisher="publisher:udp:samples"} 2
nephoscope_publisher_oldest_seconds{publisher="publisher:udp:samples"} 12.5
nephoscope_store_free_bytes 2147483648
nephoscope_parked_total{code="E5002"} 3
nephoscope_gnocchi_dropped_total{reason="unknown meter"} 6
process_cpu_seconds_total 11
process_start_time_seconds 1000
process_resident_memory_bytes 104857600
nodejs_eventloop_lag_seconds 0.0125
nephoscope_build_info{version="1.2.3",node="v24"} 1
`;

const NOTHING: Omit<TopRow, 'stage'> = {
  part: '',
  inPerSecond: null,
  outPerSecond: null,
  waiting: null,
  oldestSeconds: null,
  dropped: null,
  errors: null,
  notes: [],
};

test('two readings become one row for each part, with rates, what waits and what is new of the losses', () => {
  assert.deepEqual(topRows(reading(50, BEFORE), reading(60, AFTER)), [
    { ...NOTHING, stage: 'source', part: 'amqp-1', inPerSecond: 20, outPerSecond: 20, waiting: 20 },
    {
      ...NOTHING,
      stage: 'source',
      part: 'amqp-2',
      // The counter became smaller: the program began anew.
      inPerSecond: 0.3,
      errors: { total: 3, recent: 2 },
      notes: ['not connected'],
    },
    {
      ...NOTHING,
      stage: 'conversion',
      inPerSecond: 20,
      outPerSecond: 21,
      dropped: { total: 3, recent: 3 },
      notes: ['1 duplicates/s'],
    },
    {
      ...NOTHING,
      stage: 'publisher',
      part: 'udp:samples',
      outPerSecond: 50,
      waiting: 10,
      oldestSeconds: 12.5,
      dropped: { total: 6, recent: 2 },
      notes: ['2 batches on disk'],
    },
    { ...NOTHING, stage: 'store', notes: ['2.0 GiB free'] },
    { ...NOTHING, stage: 'parked', inPerSecond: 0.3, notes: ['E5002 ×3'] },
    { ...NOTHING, stage: 'gnocchi', part: 'dropped', errors: { total: 6, recent: 6 } },
  ]);
});

test('the table has the process above and the parts that are not well below, and nothing acts on the terminal', () => {
  const [before, after] = [reading(50, BEFORE), reading(60, AFTER)];
  const text = formatTop({
    url: 'http://127.0.0.1:8777',
    at: new Date(2026, 0, 2, 3, 4, 5),
    state: 'degraded',
    process: processFigures(before, after, 1_000 + 3 * 3_600 + 120),
    rows: topRows(before, after).slice(1, 4),
    parts: [{ name: 'source:amqp-2', state: 'degraded', reason: 'gone\u001b[31m' }],
  });
  assert.equal(
    text,
    [
      'nephoscope 1.2.3  http://127.0.0.1:8777  degraded  up 3 h 2 m  cpu 10 %  memory 100 MiB  loop lag 13 ms  03:04:05',
      '',
      'STAGE       PART         IN/s  OUT/s  WAITING  OLDEST  DROPPED  ERRORS',
      'source      amqp-2        0.3                                   3 (+2)  not connected',
      'conversion                 20     21                    3 (+3)          1 duplicates/s',
      'publisher   udp:samples           50       10    13 s   6 (+2)          2 batches on disk',
      '',
      'source:amqp-2: degraded, gone\\u001b[31m',
      '',
    ].join('\n'),
  );
});

test('one table of a running server, for people and for programs', async () => {
  await using api = await runApi(stubStore());
  api.metrics.counter('nephoscope_source_received_total', 'x', ['source']).child('amqp').add(5);
  const once = ['top', '--interval', '0.1', '--url', api.address];
  const text = await runCommand(registerTop, once);
  assert.deepEqual([text.exitCode, text.stderr], [0, '']);
  assert.match(text.stdout, /\nSTAGE {3}PART {2}IN\/s .*\nsource {2}amqp {5}0\n(.*\n)*api /);
  const json = await runCommand(registerTop, [...once, '--once', '-f', 'json']);
  const document = JSON.parse(json.stdout);
  assert.equal(document.state, 'ok');
  assert.deepEqual(
    document.rows.map(({ stage }: { stage: string }) => stage),
    ['source', 'api'],
  );
});

test('without a server once is an error', async () => {
  const result = await runCommand(registerTop, ['top', '--once', '--api-url', 'http://127.0.0.1:9']);
  assert.deepEqual([result.exitCode, result.stdout], [69, '']);
  assert.match(result.stderr, /^E4031 The server at http:\/\/127\.0\.0\.1:9 cannot be reached/);
});

test('whatever our own metrics page holds is read back', () => {
  const values = fc.oneof(fc.double(), fc.integer());
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), values, (label, value) => {
      const metrics = new Metrics();
      metrics.gauge('a', 'Help with "quotes"\nand a line', ['x', 'y']).child(label, 'z').set(value);
      const [point] = parseMetrics(metrics.expose());
      assert.deepEqual(point, {
        name: 'a',
        labels: new Map([
          ['x', label],
          ['y', 'z'],
        ]),
        // The page has no negative zero.
        value: value + 0,
      });
    }),
    { numRuns: 100 },
  );
});

test('no text makes the reader throw anything but its own error', () => {
  const pieces = fc.constantFrom('a', '{', '}', '"', '=', ',', '\\', ' ', '\n', '1', 'NaN', '#', 'e', '.');
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces).map((all) => all.join('')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        parseMetrics(text);
      } catch (thrown) {
        assert.ok(thrown instanceof NephoscopeError && thrown.code === 'E6036', String(thrown));
      }
    }),
    { numRuns: 1_000 },
  );
});

test('on a terminal the table is drawn again; a server that goes is said above what was last seen, until Ctrl-C', async () => {
  const io = captured();
  Object.assign(io.stdout, { isTTY: true, columns: 60, rows: 8 });
  const interrupt = new AbortController();
  const api = await runApi(stubStore());
  const options = { apiUrl: api.address, interval: 0.05, format: 'text' } as const;
  const ended = top(options, io, interrupt.signal);
  await until('a table is drawn', () => io.stdoutText().includes('STAGE'));
  await api[Symbol.asyncDispose]();
  await until('it is said', () => io.stdoutText().includes('E4031'));
  interrupt.abort();
  assert.equal(await ended, 0);
  const text = io.stdoutText();
  assert.match(text, /^\u001b\[\?1049h\u001b\[\?25l[\s\S]*\u001b\[\?25h\u001b\[\?1049l$/);
  const last =
    text
      .split('\u001b[H\u001b[J')
      .at(-1)
      ?.replace(/\u001b\[\?.*$/, '') ?? '';
  const lines = last.split('\n');
  assert.ok(lines.length < 8 && lines.every((line) => line.length <= 60), last);
  assert.match(last, /^E4031 .*\nlast seen:\n\nnephoscope /);
});
