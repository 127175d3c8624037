import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { sampleNumber } from '../../test/contract/publisher-items.ts';
import { configOf } from '../../test/support/config.ts';
import { until } from '../../test/support/until.ts';
import { createDeadline } from '../component/component.ts';
import { parseYaml } from '../config/yaml.ts';
import { silentLogger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import type { PipelinePlan } from '../pipeline/plan.ts';
import { openStore } from '../store/open.ts';
import { checkPublishers } from './publisher-check.ts';
import { createPublishers, queuesDirectory, type SharedContext } from './publishers.ts';
import { createQueueCheck } from './queue-check.ts';

const signal = new AbortController().signal;

function directoryFor(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-app-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function contextIn(stateDir: string): SharedContext & { readonly queues: Set<string> } {
  return {
    config: configOf({}),
    store: openStore('sqlite:///nonexistent/x.sqlite'),
    log: silentLogger,
    metrics: new Metrics(),
    stateDir,
    queues: new Set(),
  };
}

function planOf(...sinks: readonly (readonly string[])[]): PipelinePlan {
  const pipelines = sinks.map((publishers, index) => ({
    name: `p${index}`,
    source: `p${index}`,
    sink: `p${index}`,
    patterns: ['*'],
    publishers,
    transformers: [],
  }));
  return { kind: 'sample', pipelines };
}

function problemsOf(kind: 'sample' | 'event', text: string): readonly string[] {
  const { document } = parseYaml('pipeline.yaml', text);
  assert.ok(document !== null);
  return checkPublishers(kind, document, configOf({})).map(
    ({ severity, code, message, position }) =>
      `${position?.line}:${position?.column} ${severity} ${code} ${message}`,
  );
}

suite('publishers of a plan', () => {
  test('there is one for each distinct URL, under a name of its own', (t) => {
    const plan = planOf(['test://a', 'test://b'], ['test://a', 'file:///tmp/x', 'store://']);
    const publishers = createPublishers('sample', plan, contextIn(directoryFor(t)));
    assert.deepEqual(
      [...publishers].map(([url, { name }]) => [url, name]),
      [
        ['test://a', 'publisher:test:samples'],
        ['test://b', 'publisher:test:samples-2'],
        ['file:///tmp/x', 'publisher:file:samples'],
        ['store://', 'publisher:store:samples'],
      ],
    );
  });

  test('making them touches nothing', (t) => {
    const directory = directoryFor(t);
    const plan = planOf([`file://${directory}/a/b?policy=queue`]);
    const context = contextIn(join(directory, 'state'));
    createPublishers('sample', plan, context);
    assert.deepEqual(
      [existsSync(join(directory, 'a')), existsSync(join(directory, 'state'))],
      [false, false],
    );
    assert.equal(context.queues.size, 1);
  });

  test('a URL that is wrong, unknown, or takes no such items, throws', (t) => {
    const context = contextIn(directoryFor(t));
    for (const [url, code] of [
      ['nothing://', 'E1112'],
      ['file://x', 'E1113'],
      ['test://?batch_size=0', 'E1118'],
    ] as const) {
      assert.throws(() => createPublishers('sample', planOf([url]), context), { code }, url);
    }
    assert.throws(() => createPublishers('event', planOf(['udp://127.0.0.1']), context), { code: 'E1120' });
  });

  test('a queue on disk belongs to the target, whatever else the URL says', () => {
    const queueOf = (url: string): string => {
      const context = contextIn('/state');
      createPublishers('sample', planOf([url]), context);
      return [...context.queues].join();
    };
    const one = queueOf('file:///a?policy=queue');
    assert.match(one, /^\/state\/spool\/file-samples-[0-9a-f]{12}$/);
    assert.equal(queueOf('file:///a?policy=queue&max_retry=3&batch_size=7'), one);
    assert.notEqual(queueOf('file:///b?policy=queue'), one);
    const other = queueOf('https://u:p@h/x?policy=queue&timeout=5&verify_ssl=/old.pem');
    assert.equal(queueOf('https://v:q@h/x?policy=queue&timeout=9&verify_ssl=/new.pem&clientcert=/c'), other);
    assert.notEqual(queueOf('https://h/x?policy=queue&batch=false'), other);
    assert.notEqual(queueOf('file:///a?policy=queue&json'), one);
    assert.equal(queueOf('file:///a'), '');
  });

  test('samples come through to the file, with a queue on disk between', async (t) => {
    const directory = directoryFor(t);
    const url = `file://${directory}/lines?json&policy=queue`;
    const publisher = createPublishers('sample', planOf([url]), contextIn(directory)).get(url);
    assert.ok(publisher !== undefined);
    t.after(() => publisher.stop(createDeadline(500)));
    await publisher.start(signal);
    await publisher.publish([sampleNumber(0)], signal);
    const path = join(directory, 'lines');
    const text = await until('it is there', () => existsSync(path) && (readFileSync(path, 'utf8') || null));
    assert.equal(JSON.parse(text).resource_id, 'resource-0');
  });

  test('a queue whose publisher is gone is named and counted, and kept', async (t) => {
    const directory = directoryFor(t);
    const context = contextIn(directory);
    const queues = queuesDirectory(directory);
    createPublishers('sample', planOf([`file://${directory}/x?policy=queue`]), context);
    for (const path of [...context.queues, join(queues, 'file-samples-gone')]) {
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, '1767323046000000-1-000001-25.spool'), '');
    }
    const lines: string[] = [];
    const log = {
      ...silentLogger,
      warn: (fields: { err: Error }) => lines.push(fields.err.message),
    } as never;
    const { metrics } = context;
    await createQueueCheck({ directory: queues, queues: context.queues, log, metrics }).start(signal);
    assert.deepEqual(lines, [`25 items in 1 batches in ${queues}/file-samples-gone have no publisher`]);
    assert.match(metrics.expose(), /^nephoscope_publisher_orphaned_batches 1$/m);
  });
});

suite('publisher URLs of a pipeline file', () => {
  test('all mistakes are reported where they stand', () => {
    const text = `sinks:
  - name: a
    publishers:
      - test
      - test://?batch_size=0&batch_siz=1
      - file://relative
  - name: b
    publishers: test://?policy=perhaps
  - name: c
    publishers: [nobody://, store://, "file:///x?max_bytes=many"]
`;
    assert.deepEqual(problemsOf('sample', text), [
      '5:9 warning E1116 Unknown parameter batch_siz of a publisher URL has no effect',
      '5:9 error E1118 The value of parameter batch_size is out of range',
      '6:9 error E1113 file://relative names no file by its absolute path',
      '8:17 warning E1119 The value of parameter policy is no policy; it counts as default',
      '10:39 error E1117 The value of parameter max_bytes is not a whole number',
    ]);
  });

  test('what is no list of sinks is left to the plan', () => {
    for (const text of ['', '[]', 'sinks: 1', 'sinks: [1, {publishers: 2}, {publishers: [3]}]']) {
      assert.deepEqual(problemsOf('event', text), [], text);
    }
  });
});
