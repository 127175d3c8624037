import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import { createDeadline } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import type { Event } from '../model/event.ts';
import { FloatToken, type JsonObject, type JsonValue } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';
import { silentLogger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import type { Pipeline } from '../pipeline/plan.ts';
import { type Delivery, PipelineRunner } from '../pipeline/runner.ts';
import type { ParkedItem } from '../store/store.ts';
import { createWorkerPool } from './workers.ts';
import { createParentLink, type ParentPort } from './workers-link.ts';
import { MergedMetrics } from './workers-metrics.ts';
import { DividedRunner, dividePlan, isCentralPublisher } from './workers-plan.ts';
import {
  type ParentMessage,
  packDelivery,
  packEvents,
  packSamples,
  unpackDelivery,
  unpackEvents,
  unpackSamples,
  type WorkerMessage,
} from './workers-protocol.ts';

const SAMPLE: Sample = {
  id: 'i',
  name: 'image.size',
  type: 'gauge',
  unit: 'B',
  volume: 7,
  userId: null,
  userName: null,
  projectId: 'p',
  projectName: null,
  resourceId: 'r',
  timestamp: '2026-01-02T03:04:05+00:00',
  timestampMicros: 1_767_323_045_000_000,
  resourceMetadata: {},
  source: 'openstack',
  deployment: 'east',
  monotonicTime: null,
};
const EVENT: Event = {
  messageId: 'm',
  eventType: 'image.update',
  generated: '2026-01-02T03:04:05',
  generatedMicros: 1_767_323_045_000_000,
  priority: 'info',
  deployment: null,
  traits: [['size', 2, 12_345_678_901_234_567_890n]],
  raw: null,
};

const json: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.string(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value)),
    fc.constant(null),
    fc.boolean(),
    fc.bigInt({ min: 2n ** 60n, max: 2n ** 80n }),
    fc.integer().map((value) => new FloatToken(value)),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;
const document = fc.dictionary(fc.string(), json, {
  maxKeys: 5,
  noNullPrototype: true,
}) as fc.Arbitrary<JsonObject>;

/** What the channel between the processes does to a message. */
function cloned<Message>(message: Message): Message {
  return deserialize(serialize(message));
}

test('records come through the channel as they were, number tokens and long integers too', () => {
  fc.assert(
    fc.property(fc.array(document, { maxLength: 4 }), (documents) => {
      const samples = documents.map((resourceMetadata) => ({ ...SAMPLE, resourceMetadata }));
      assert.deepEqual(unpackSamples(cloned(packSamples(samples))), samples);
      const events = documents.map((raw, index) => ({ ...EVENT, raw: index % 2 === 0 ? raw : null }));
      assert.deepEqual(unpackEvents(cloned(packEvents(events))), events);
    }),
    { numRuns: 300 },
  );
});

test('what became of a batch comes through the channel with its errors', () => {
  const error = new NephoscopeError('E3009', 'not that one', { hint: 'look', retry: 'permanent' });
  const delivery: Delivery = {
    wanted: Uint16Array.of(1, 2),
    duplicates: Uint16Array.of(0, 1),
    rejections: [{ index: 1, error }],
  };
  const back = unpackDelivery(cloned(packDelivery(delivery)));
  assert.deepEqual([back.wanted, back.duplicates], [delivery.wanted, delivery.duplicates]);
  const [rejection] = back.rejections;
  assert.ok(rejection?.error instanceof NephoscopeError);
  assert.deepEqual(
    [rejection.index, rejection.error.code, rejection.error.message, rejection.error.hint],
    [1, 'E3009', 'not that one', 'look'],
  );
});

suite('a plan divided among workers', () => {
  const pipeline = (name: string, publishers: readonly string[], patterns = ['*']): Pipeline => ({
    name,
    source: name,
    sink: name,
    patterns,
    publishers,
    transformers: [],
  });

  test('what only one process may do is central, everything else each worker does for itself', () => {
    const central = [
      'store://',
      'direct://',
      'test://',
      'prometheus://host:9091/metrics/job/x',
      'prometheus-scrape://',
      'file:///a?max_bytes=10&backup_count=2',
      'http://h/?policy=queue',
    ];
    const own = [
      'file:///a?json',
      'udp://h:1',
      'notifier://?policy=drop',
      'gnocchi://',
      'http://h/?policy=queued',
    ];
    assert.deepEqual(central.filter(isCentralPublisher), central);
    assert.deepEqual(own.filter(isCentralPublisher), []);
    const plan = {
      kind: 'sample' as const,
      pipelines: [
        pipeline('both', ['store://', 'udp://h:1']),
        { ...pipeline('rates', ['udp://h:2']), transformers: [{ name: 'rate_of_change', parameters: {} }] },
        pipeline('own', ['udp://h:3']),
      ],
    };
    const divided = dividePlan(plan, isCentralPublisher);
    const shape = (part: typeof plan) => part.pipelines.map(({ name, publishers }) => [name, ...publishers]);
    assert.deepEqual(shape(divided.own as typeof plan), [
      ['both', 'udp://h:1'],
      ['own', 'udp://h:3'],
    ]);
    assert.deepEqual(shape(divided.central as typeof plan), [
      ['both', 'store://'],
      ['rates', 'udp://h:2'],
    ]);
  });

  function runner(publishCentrally: (items: readonly string[]) => Promise<Delivery>) {
    const taken: string[] = [];
    const publisher = {
      name: 'own',
      start: async () => {},
      stop: async () => {},
      status: () => ({ state: 'ok' }) as const,
      publish: async (items: readonly string[]) => {
        taken.push(...items);
        return { accepted: items.length, duplicates: items.map((_, index) => index), rejected: [] };
      },
    };
    const divided = new DividedRunner<string>(
      {
        plan: { kind: 'sample', pipelines: [pipeline('own', ['udp://'], ['a*', 'b*'])] },
        publishers: new Map([['udp://', publisher]]),
        nameOf: (item) => item,
        metrics: new Metrics(),
        nowMicros: () => 0,
      },
      { kind: 'sample', pipelines: [pipeline('central', ['store://'], ['b*', 'c*'])] },
      publishCentrally,
    );
    return { divided, taken };
  }

  test('each part gets what it wants, and the outcome is that of both', async () => {
    const error = new NephoscopeError('E3009', 'no');
    const central: string[] = [];
    const { divided, taken } = runner(async (items) => {
      central.push(...items);
      return {
        wanted: Uint16Array.of(1, 1),
        duplicates: Uint16Array.of(1, 0),
        rejections: [{ index: 1, error }],
      };
    });
    const { wanted, duplicates, rejections } = await divided.publish(
      ['a1', 'b1', 'c1', 'd1'],
      new AbortController().signal,
    );
    assert.deepEqual(
      [taken, central],
      [
        ['a1', 'b1'],
        ['b1', 'c1'],
      ],
    );
    assert.deepEqual(
      [[...wanted], [...duplicates], rejections],
      [[1, 2, 1, 0], [1, 2, 0, 0], [{ index: 2, error }]],
    );
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].map((name) => divided.wants(name)),
      [true, true, true, false],
    );
    assert.ok(divided instanceof PipelineRunner);
  });

  test('when the central part cannot take a batch now, nothing of it may be acknowledged', async () => {
    const error = new NephoscopeError('E2022', 'later', { retry: 'transient' });
    const { divided } = runner(() => Promise.reject(error));
    await assert.rejects(divided.publish(['b1'], new AbortController().signal), error);
  });
});

test('the figures of workers are added to those of the serving process, and stay when a worker ends', () => {
  const page = (taken: number, age: number, connected: number): string => {
    const metrics = new Metrics();
    metrics.counter('taken_total', 'Taken.', ['source']).child('a"b').add(taken);
    metrics.gauge('age_seconds', 'Age.').child().set(age);
    metrics.gauge('connected', 'Connected.').child().set(connected);
    metrics.gauge('process_start_time_seconds', 'Start.').child().set(99);
    return metrics.expose();
  };
  const merged = new MergedMetrics();
  merged.counter('taken_total', 'Taken.', ['source']).child('a"b').add(1);
  merged.gauge('process_start_time_seconds', 'Start.').child().set(5);
  merged.setPage(1, page(10, 3, 1));
  merged.setPage(2, page(100, 7, 1));
  const text = (taken: number, age: string, connected: string): string =>
    `# HELP taken_total Taken.\n# TYPE taken_total counter\ntaken_total{source="a\\"b"} ${taken}\n` +
    '# HELP process_start_time_seconds Start.\n# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 5\n' +
    `# HELP age_seconds Age.\n# TYPE age_seconds gauge\n${age}# HELP connected Connected.\n# TYPE connected gauge\n${connected}`;
  assert.equal(merged.expose(), text(111, 'age_seconds 7\n', 'connected 2\n'));
  merged.end(2);
  assert.equal(merged.expose(), text(111, 'age_seconds 3\n', 'connected 1\n'));
  merged.setPage(2, page(4, 0, 0));
  assert.equal(merged.expose(), text(115, 'age_seconds 3\n', 'connected 1\n'));
});

/** A child process that does what a test tells it; its channel is a real clone. */
class FakeChild {
  readonly pid = 4711;
  readonly received: ParentMessage[] = [];
  killed = 0;
  isDeaf = false;
  #take: (message: WorkerMessage) => void = () => {};
  #end: (how: string) => void = () => {};

  send(message: ParentMessage): void {
    this.received.push(cloned(message));
    if (message.type === 'stop' && !this.isDeaf) setImmediate(() => this.end('exit code 0'));
  }
  onMessage(take: (message: WorkerMessage) => void): void {
    this.#take = take;
  }
  onEnd(call: (how: string) => void): void {
    this.#end = call;
  }
  kill(): void {
    this.killed++;
    setImmediate(() => this.end('SIGKILL'));
  }
  say(message: WorkerMessage): void {
    this.#take(cloned(message));
  }
  end(how: string): void {
    const end = this.#end;
    this.#end = () => {};
    end(how);
  }
}

function poolOf(count: number, options: { readonly silenceMillis?: number } = {}) {
  const children: FakeChild[] = [];
  const parked: ParkedItem[] = [];
  const metrics = new MergedMetrics();
  const publish = async (items: readonly unknown[]): Promise<Delivery> => {
    const wanted = new Uint16Array(items.length).fill(1);
    return { wanted, duplicates: new Uint16Array(items.length), rejections: [] };
  };
  const pool = createWorkerPool({
    count,
    fork: () => {
      const child = new FakeChild();
      children.push(child);
      return child;
    },
    samples: { publish },
    events: {
      publish: () => Promise.reject(new NephoscopeError('E3006', 'disk full', { retry: 'transient' })),
    },
    parking: { park: async (items) => void parked.push(...items) },
    metrics,
    log: silentLogger,
    retry: { initialMillis: 1, maxMillis: 1 },
    ...options,
  });
  return { pool, children, parked, metrics };
}

async function turnsUntil(condition: () => boolean): Promise<void> {
  const end = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

suite('worker pool', () => {
  test('a request is answered call by call, each with its own outcome', async () => {
    const { pool, children, parked } = poolOf(1);
    const starting = pool.start(new AbortController().signal);
    assert.deepEqual(pool.status(), { state: 'starting', reason: '0 of 1 workers run' });
    children[0]?.say({ type: 'started' });
    await starting;
    assert.deepEqual(pool.status(), { state: 'ok' });
    const item: ParkedItem = {
      code: 'E5001',
      reason: 'r',
      origin: { source: 's' },
      body: Buffer.from('x'),
      parkedMicros: 1,
      messageId: null,
      eventType: null,
    };
    children[0]?.say({
      type: 'request',
      id: 9,
      calls: [
        { kind: 'samples', items: packSamples([SAMPLE]) },
        { kind: 'events', items: packEvents([EVENT]) },
        { kind: 'park', items: [item] },
      ],
    });
    await turnsUntil(() => children[0]?.received.length === 1);
    const hint = new NephoscopeError('E3006', '').hint;
    assert.deepEqual(children[0]?.received, [
      {
        type: 'answers',
        id: 9,
        answers: [
          { delivery: { wanted: Uint16Array.of(1), duplicates: Uint16Array.of(0), rejections: [] } },
          { error: { code: 'E3006', message: 'disk full', hint, retry: 'transient' } },
          { parked: true },
        ],
      },
    ]);
    assert.equal(parked.length, 1);
    await pool.stop(createDeadline(1000));
    assert.deepEqual(pool.status(), { state: 'stopped', reason: 'not started' });
  });

  test('a worker that ends is counted, shown and started again; its parts are shown with its number', async () => {
    const { pool, children, metrics } = poolOf(2);
    const starting = pool.start(new AbortController().signal);
    for (const child of children) child.say({ type: 'started' });
    await starting;
    children[1]?.say({
      type: 'report',
      metrics: '',
      statuses: [{ name: 'source:amqp', status: { state: 'ok' } }],
    });
    assert.deepEqual(pool.statuses(), [{ name: 'worker-2:source:amqp', status: { state: 'ok' } }]);
    children[1]?.end('SIGSEGV');
    assert.deepEqual(pool.status(), {
      state: 'degraded',
      reason: '1 of 2 workers run: E2020 Worker 2 ended: SIGSEGV',
    });
    assert.deepEqual(pool.statuses(), []);
    await turnsUntil(() => children.length === 3);
    children[2]?.say({ type: 'started' });
    assert.deepEqual(pool.status(), { state: 'ok' });
    assert.match(metrics.expose(), /nephoscope_workers_ended_total\{reason="ended"\} 1\n/);
    assert.match(metrics.expose(), /nephoscope_workers_running 2\n/);
    await pool.stop(createDeadline(1000));
    assert.equal(children.length, 3, 'the stop starts nobody');
  });

  test('a worker that says nothing for too long is ended and started again', async () => {
    const { pool, children, metrics } = poolOf(1, { silenceMillis: 60 });
    const starting = pool.start(new AbortController().signal);
    children[0]?.say({ type: 'started' });
    await starting;
    await turnsUntil(() => children.length === 2);
    assert.equal(children[0]?.killed, 1);
    assert.match(metrics.expose(), /nephoscope_workers_ended_total\{reason="stuck"\} 1\n/);
    assert.match(
      pool.status().reason ?? '',
      /^0 of 1 workers run: E2021 Worker 1 did not answer and was ended/,
    );
    await pool.stop(createDeadline(1000));
  });

  test('what a worker cannot start for is what the pool cannot start for', async () => {
    const { pool, children } = poolOf(2);
    const starting = pool.start(new AbortController().signal);
    const error = { code: 'E2016', message: 'others read it', hint: 'h', retry: 'permanent' } as const;
    children[1]?.say({ type: 'failed', error });
    await assert.rejects(starting, {
      code: 'E2016',
      message: 'others read it',
      hint: 'h',
      retry: 'permanent',
    });
    await pool.stop(createDeadline(1000));
  });

  test('a stop ends at its deadline though a worker does not, and can be repeated', async () => {
    const { pool, children } = poolOf(2);
    await pool.stop(createDeadline(10));
    const starting = pool.start(new AbortController().signal);
    for (const child of children) child.say({ type: 'started' });
    await starting;
    if (children[0] !== undefined) children[0].isDeaf = true;
    const began = performance.now();
    const stop = pool.stop(createDeadline(200));
    assert.equal(pool.stop(createDeadline(200)), stop);
    await stop;
    assert.ok(performance.now() - began < 1000);
    assert.deepEqual(
      children.map(({ killed }) => killed),
      [1, 0],
    );
  });
});

suite('the worker’s end of the channel', () => {
  function link() {
    const sent: WorkerMessage[] = [];
    let take: (message: ParentMessage) => void = () => {};
    let lose: () => void = () => {};
    const port: ParentPort = {
      send: async (message) => void sent.push(cloned(message)),
      onMessage: (call) => {
        take = call;
      },
      onDisconnect: (call) => {
        lose = call;
      },
    };
    return {
      parent: createParentLink(port),
      sent,
      answer: (message: ParentMessage) => take(message),
      lose: () => lose(),
    };
  }
  const signal = new AbortController().signal;

  test('calls of one turn leave in one message', async () => {
    const { parent, sent, answer } = link();
    const both = Promise.all([
      parent.publishEvents([EVENT], signal),
      parent.publishSamples([SAMPLE], signal),
    ]);
    await turnsUntil(() => sent.length === 1);
    const [request] = sent;
    assert.deepEqual(request?.type === 'request' && request.calls.map(({ kind }) => kind), [
      'events',
      'samples',
    ]);
    const delivery = { wanted: Uint16Array.of(1), duplicates: Uint16Array.of(0), rejections: [] };
    answer({ type: 'answers', id: 1, answers: [{ delivery }, { delivery }] });
    assert.deepEqual(await both, [delivery, delivery]);
  });

  test('when the serving process is gone nothing is taken any more and the worker is told to stop', async () => {
    const { parent, lose } = link();
    const waiting = parent.publishSamples([SAMPLE], signal);
    const stops: number[] = [];
    parent.onStop((millis) => stops.push(millis));
    lose();
    await assert.rejects(waiting, { code: 'E2022', retry: 'transient' });
    await assert.rejects(parent.publishSamples([SAMPLE], signal), { code: 'E2022' });
    assert.deepEqual([stops, parent.status().state], [[0], 'failed']);
  });

  test('a stop that comes before anybody waits for it is not forgotten', () => {
    const { parent, answer } = link();
    answer({ type: 'stop', millis: 5000 });
    const stops: number[] = [];
    parent.onStop((millis) => stops.push(millis));
    assert.deepEqual(stops, [5000]);
  });

  test('waiting ends with the signal', async () => {
    const { parent } = link();
    const controller = new AbortController();
    const waiting = parent.publishSamples([SAMPLE], controller.signal);
    controller.abort();
    await assert.rejects(waiting, { code: 'E2022', retry: 'transient' });
  });
});
