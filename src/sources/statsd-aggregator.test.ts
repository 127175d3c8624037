import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Sample } from '../model/sample.ts';
import { type AggregatorSettings, StatsdAggregator } from './statsd-aggregator.ts';
import { COUNT, createStatsdCounts } from './statsd-counts.ts';

const SECOND = 1_000_000;
const FLUSH = Date.UTC(2026, 0, 2, 3, 4, 5) * 1000;
const SENDER = '10.0.0.7';

interface Bench {
  take(text: string, address?: string): void;
  flush(nowMicros?: number): readonly Sample[];
  /** Meter, type, unit and volume of each sample. */
  figures(nowMicros?: number): readonly (readonly [string, string, string | null, number])[];
  count(name: keyof typeof COUNT): number;
}

function aggregator(settings: Partial<AggregatorSettings> = {}): Bench {
  const counts = createStatsdCounts();
  const made = new StatsdAggregator(
    {
      percentiles: [90],
      timerStatistics: ['count', 'mean', 'max'],
      signedGauges: 'change',
      random: Math.random,
      meterPrefix: '',
      trustIds: false,
      host: 'node-1',
      maxSources: 10,
      maxSeries: 1000,
      maxSeriesPerSource: 100,
      maxValues: 100_000,
      idleMicros: 60 * SECOND,
      ...settings,
    },
    counts,
  );
  const flush = (nowMicros = FLUSH): readonly Sample[] => [...made.flush(nowMicros)].flat();
  return {
    take: (text, address = SENDER) => made.take(Buffer.from(text), address),
    flush,
    figures: (nowMicros) =>
      flush(nowMicros).map(({ name, type, unit, volume }) => [name, type, unit, volume]),
    count: (name) => counts[COUNT[name]] as number,
  };
}

test('a counter becomes a delta sample with the tags of its line and the time of the flush', () => {
  const { take, flush } = aggregator();
  take('api.requests:2|c|@0.5|#method:GET,canary\napi.requests:1|c|#canary,method:GET');
  const [sample, ...others] = flush();
  assert.deepEqual(others, []);
  const { id, ...rest } = sample as Sample;
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(rest, {
    name: 'api.requests',
    type: 'delta',
    unit: null,
    volume: 5,
    userId: null,
    userName: null,
    projectId: null,
    projectName: null,
    resourceId: SENDER,
    timestamp: '2026-01-02T03:04:05',
    timestampMicros: FLUSH,
    resourceMetadata: { canary: true, method: 'GET', sender: SENDER },
    source: 'statsd',
    deployment: null,
    monotonicTime: null,
  });
});

test('a counter that is silent gives nothing instead of zeros for ever', () => {
  const { take, figures } = aggregator();
  take('a:1|c');
  assert.deepEqual(figures(), [['a', 'delta', null, 1]]);
  assert.deepEqual(figures(FLUSH + 10 * SECOND), []);
  take('a:-4|c');
  assert.deepEqual(figures(FLUSH + 20 * SECOND), [['a', 'delta', null, -4]]);
});

test('a gauge is repeated until it is idle, and signs change it, from 0 when it is unknown', () => {
  const { take, figures } = aggregator();
  take('g:10|g\ng:-3|g\ng:+1|g\nnew:-5|g\nzero:0|g\nzero:-2|g');
  const wanted = [
    ['g', 'gauge', null, 8],
    ['new', 'gauge', null, -5],
    ['zero', 'gauge', null, -2],
  ];
  assert.deepEqual(figures(), wanted);
  assert.deepEqual(figures(FLUSH + 59 * SECOND), wanted);
  take('g:7|g');
  assert.deepEqual(figures(FLUSH + 60 * SECOND), [['g', 'gauge', null, 7]]);
});

test('with signed_gauges=set a sign is part of the value', () => {
  const { take, figures } = aggregator({ signedGauges: 'set' });
  take('t:5|g\nt:-12.5|g');
  assert.deepEqual(figures(), [['t', 'gauge', null, -12.5]]);
});

test('a set counts different texts of the interval, in the unit of its name', () => {
  const { take, figures } = aggregator();
  take('web.users:ann|s\nweb.users:bob|s\nweb.users:ann|s');
  assert.deepEqual(figures(), [['web.users', 'gauge', 'users', 2]]);
  assert.deepEqual(figures(FLUSH + SECOND), []);
});

test('a timer gives mean, percentiles and extremes in ms and a count corrected for sampling', () => {
  const { take, figures } = aggregator({
    percentiles: [50, 90, 99.9],
    timerStatistics: ['count', 'mean', 'median', 'min', 'max', 'sum', 'std'],
  });
  for (let value = 1; value <= 10; value++) take(`t:${value}|ms|@0.5`);
  assert.deepEqual(figures(), [
    ['t.count', 'delta', null, 20],
    ['t.mean', 'gauge', 'ms', 5.5],
    ['t.median', 'gauge', 'ms', 5.5],
    ['t.min', 'gauge', 'ms', 1],
    ['t.max', 'gauge', 'ms', 10],
    ['t.sum', 'gauge', 'ms', 55],
    ['t.std', 'gauge', 'ms', Math.sqrt(8.25)],
    ['t.p50', 'gauge', 'ms', 5],
    ['t.p90', 'gauge', 'ms', 9],
    ['t.p99_9', 'gauge', 'ms', 10],
  ]);
  assert.deepEqual(figures(FLUSH + SECOND), []);
});

test('histograms and distributions are timers whose unit nobody knows, unless a tag says it', () => {
  const { take, figures } = aggregator({ percentiles: [], timerStatistics: ['count', 'max'] });
  take('size:3|h\nsize:5|d\nload:2|h|#unit:MB');
  assert.deepEqual(figures(), [
    ['size.count', 'delta', null, 2],
    ['size.max', 'gauge', null, 5],
    ['load.count', 'delta', null, 1],
    ['load.max', 'gauge', 'MB', 2],
  ]);
});

test('the resource is a tag, else the sender, else this machine for its own loopback', () => {
  const { take, flush } = aggregator();
  take('a:1|c|#resource_id:vm-1');
  take('a:1|c');
  take('a:1|c', '127.0.0.1');
  take('a:1|c', '::1');
  assert.deepEqual(
    flush().map(({ resourceId, resourceMetadata }) => [resourceId, resourceMetadata]),
    [
      ['vm-1', { sender: SENDER }],
      [SENDER, { sender: SENDER }],
      ['node-1', { sender: '127.0.0.1' }],
      ['node-1', { sender: '::1' }],
    ],
  );
});

test('project and user are believed only when that is configured, and nobody can forge the sender', () => {
  const line = 'a:1|c|#project_id:p1,user_id:u1,sender:boss,__proto__:x';
  const owners = (trustIds: boolean) => {
    const { take, flush } = aggregator({ trustIds });
    take(line);
    return flush().map(({ projectId, userId, resourceMetadata }) => ({
      projectId,
      userId,
      metadata: Object.entries(resourceMetadata),
    }));
  };
  const own = [
    ['__proto__', 'x'],
    ['sender', SENDER],
  ];
  assert.deepEqual(owners(true), [{ projectId: 'p1', userId: 'u1', metadata: own }]);
  const [forged] = owners(false);
  assert.deepEqual([forged?.projectId, forged?.userId], [null, null]);
  assert.deepEqual(new Map(forged?.metadata).get('project_id'), 'p1');
  assert.deepEqual(new Map(forged?.metadata).get('sender'), SENDER);
});

test('one bad line of a datagram does not harm the others', () => {
  const { take, figures, count } = aggregator();
  take('a:1|c\nnonsense\nb:x|c\n\nc:1|zz\nd:1|c|@0\n_sc|x|0\n{}:1|c\ne:2|c');
  assert.deepEqual(figures(), [
    ['a', 'delta', null, 1],
    ['e', 'delta', null, 2],
  ]);
  const problems = [
    'no_value',
    'bad_value',
    'unknown_type',
    'bad_rate',
    'not_supported',
    'bad_name',
  ] as const;
  assert.deepEqual([count('datagrams'), count('lines'), ...problems.map(count)], [1, 8, 1, 1, 1, 1, 1, 1]);
});

test('a name belongs to one type, until it is idle', () => {
  const { take, figures, count } = aggregator();
  take('a:1|c\na:5|g\na:5|g|#other:tag\na:1|c:7|g');
  assert.equal(count('type_conflict'), 3);
  assert.deepEqual(figures(), [['a', 'delta', null, 2]]);
  assert.deepEqual(figures(FLUSH + 60 * SECOND), []);
  take('a:5|g');
  assert.deepEqual(figures(FLUSH + 61 * SECOND), [['a', 'gauge', null, 5]]);
});

test('names beyond the limits are counted and dropped, and there is room when others are idle', () => {
  const { take, figures, count } = aggregator({ maxSeriesPerSource: 2, maxSeries: 3, maxSources: 2 });
  take('a:1|c\nb:1|c\nc:1|c\na:1|c');
  take('a:1|c\nb:1|c', '10.0.0.8');
  take('a:1:2|c', '10.0.0.9');
  assert.deepEqual(
    [count('too_many_series'), count('too_many_sources'), count('series'), count('sources')],
    [2, 2, 3, 2],
  );
  assert.deepEqual(figures(), [
    ['a', 'delta', null, 2],
    ['b', 'delta', null, 1],
    ['a', 'delta', null, 1],
  ]);
  figures(FLUSH + 60 * SECOND);
  assert.deepEqual([count('series'), count('sources')], [0, 0]);
  take('z:1|c', '10.0.0.9');
  assert.deepEqual(figures(FLUSH + 61 * SECOND), [['z', 'delta', null, 1]]);
});

test('an attack with ever new names and spellings leaves the memory bounded and the known names working', () => {
  const { take, figures, count } = aggregator({ maxSeriesPerSource: 10, maxSeries: 10 });
  take('known:1|c|#a:1,b:2');
  for (let index = 0; index < 20_000; index++) take(`n${index}:1|c\nknown:1|c|#b:2,a:1,,`);
  assert.equal(count('series'), 10);
  assert.equal(count('too_many_series'), 20_000 - 9);
  assert.deepEqual(
    figures().find(([name]) => name === 'known'),
    ['known', 'delta', null, 20_001],
  );
});

test('beyond the limit of values percentiles are of a fair choice, and all else stays exact', () => {
  const { take, figures } = aggregator({
    percentiles: [50],
    timerStatistics: ['count', 'mean', 'min', 'max'],
    maxValues: 1000,
  });
  for (let value = 1; value <= 20_000; value++) take(`t:${value}|ms`);
  const found = new Map(figures().map(([name, , , volume]) => [name, volume]));
  assert.deepEqual(
    ['count', 'mean', 'min', 'max'].map((name) => found.get(`t.${name}`)),
    [20_000, 10_000.5, 1, 20_000],
  );
  // Twelve standard deviations of the median of 1000 of them.
  assert.ok(Math.abs((found.get('t.p50') ?? 0) - 10_000) < 4000, String(found.get('t.p50')));
});

test('a set beyond the limit of values is at least so large, and says so in the counts', () => {
  const { take, figures, count } = aggregator({ maxValues: 1000 });
  for (let index = 0; index < 1500; index++) take(`s:${index}|s`);
  take('s:1|s');
  assert.equal(count('set_full'), 500);
  assert.deepEqual(figures(), [['s', 'gauge', 's', 1000]]);
  take('s:1|s');
  assert.deepEqual(figures(FLUSH + SECOND), [['s', 'gauge', 's', 1]]);
});

test('a sum beyond what a number holds is left out and counted', () => {
  const { take, figures, count } = aggregator();
  take('a:1e308|c\na:1e308|c\nb:1|c');
  assert.deepEqual(figures(), [['b', 'delta', null, 1]]);
  assert.equal(count('not_finite'), 1);
});

test('the prefix stands before every meter', () => {
  const { take, figures } = aggregator({
    meterPrefix: 'statsd.',
    percentiles: [],
    timerStatistics: ['mean'],
  });
  take('a:1|c\nb:2|ms');
  assert.deepEqual(
    figures().map(([name]) => name),
    ['statsd.a', 'statsd.b.mean'],
  );
});

test('ids are the same for the same flush of the same series and differ for all else', () => {
  const ids = (nowMicros: number): readonly string[] => {
    const { take, flush } = aggregator();
    take('a:1|c\na:1|c|#x:1\nt:5|ms');
    take('a:1|c', '10.0.0.8');
    return flush(nowMicros).map(({ id }) => id);
  };
  assert.deepEqual(ids(FLUSH), ids(FLUSH));
  const all = [...ids(FLUSH), ...ids(FLUSH + SECOND)];
  assert.equal(new Set(all).size, all.length);
});

test('what arrives while a flush is under way counts once, now or next time', () => {
  const made = new StatsdAggregator(
    {
      percentiles: [],
      timerStatistics: [],
      signedGauges: 'change',
      random: Math.random,
      meterPrefix: '',
      trustIds: false,
      host: 'h',
      maxSources: 10,
      maxSeries: 100,
      maxSeriesPerSource: 100,
      maxValues: 1000,
      idleMicros: SECOND,
    },
    createStatsdCounts(),
  );
  const datagram = Buffer.from(Array.from({ length: 50 }, (_, index) => `c${index}:1|c`).join('\n'));
  made.take(datagram, SENDER);
  let sum = 0;
  const add = (samples: readonly Sample[]): void => {
    for (const { volume } of samples) sum += volume;
  };
  for (const samples of made.flush(FLUSH)) {
    add(samples);
    if (sum === 25) made.take(datagram, SENDER);
  }
  for (const samples of made.flush(FLUSH + SECOND)) add(samples);
  assert.equal(sum, 100);
});

test('however values are spread over datagrams and flushes, the counts add up', () => {
  const value = fc.record({ name: fc.constantFrom('a', 'b', 'c'), amount: fc.nat(1000) });
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.array(value, { maxLength: 5 }), { maxLength: 5 }), { maxLength: 5 }),
      (flushes) => {
        const { take, figures } = aggregator();
        const found = new Map<string, number>();
        const wanted = new Map<string, number>();
        for (const [round, datagrams] of flushes.entries()) {
          for (const values of datagrams) {
            take(values.map(({ name, amount }) => `${name}:${amount}|c`).join('\n'));
            for (const { name, amount } of values) wanted.set(name, (wanted.get(name) ?? 0) + amount);
          }
          for (const [name, , , volume] of figures(FLUSH + round * SECOND))
            found.set(name, (found.get(name) ?? 0) + volume);
        }
        assert.deepEqual(found, wanted);
      },
    ),
  );
});

test('any datagram is taken without a throw', () => {
  const { take, flush } = aggregator();
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^[a-c:|#@0-9.gcmshd,=;\n+-]{0,60}$/),
  );
  fc.assert(
    fc.property(text, (datagram) => take(datagram)),
    { numRuns: 2000 },
  );
  for (const { volume } of flush()) assert.ok(Number.isFinite(volume));
});
