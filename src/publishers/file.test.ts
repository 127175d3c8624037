import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { eventNumber, sampleNumber } from '../../test/contract/publisher-items.ts';
import { configOf } from '../../test/support/config.ts';
import { createDeadline } from '../component/component.ts';
import type { NephoscopeError } from '../component/errors.ts';
import type { Event } from '../model/event.ts';
import type { Sample } from '../model/sample.ts';
import { silentLogger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import type { Store } from '../store/store.ts';
import { FILE_PUBLISHER } from './file.ts';
import type { Publisher, PublisherContext } from './publisher.ts';
import { parsePublisherUrl } from './publisher-url.ts';

const CONTEXT: PublisherContext = {
  name: 'publisher:file:samples',
  config: configOf({}),
  store: {} as Store,
  log: silentLogger,
  metrics: new Metrics(),
  stateDir: '/nonexistent',
  host: 'test-host',
};

function directoryFor(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-file-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function samplesTo(t: TestContext, url: string): Publisher<Sample> {
  const publisher = FILE_PUBLISHER.samples?.(parsePublisherUrl(url, FILE_PUBLISHER), CONTEXT);
  assert.ok(publisher !== undefined);
  t.after(() => publisher.stop(createDeadline(1_000)));
  return publisher;
}

function eventsTo(t: TestContext, url: string): Publisher<Event> {
  const publisher = FILE_PUBLISHER.events?.(parsePublisherUrl(url, FILE_PUBLISHER), CONTEXT);
  assert.ok(publisher !== undefined);
  t.after(() => publisher.stop(createDeadline(1_000)));
  return publisher;
}

function namesIn(path: string): readonly string[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  assert.equal(lines.pop(), '', 'the file ends with a line feed');
  return lines.map((line) => (line === '' ? '' : JSON.parse(line).resource_id));
}

const signal = new AbortController().signal;

suite('lines of the file publisher', () => {
  test('a sample is its internal mapping as JSON', async (t) => {
    const path = join(directoryFor(t), 'a');
    await samplesTo(t, `file://${path}?json`).publish([sampleNumber(1)], signal);
    assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), {
      name: 'cpu.utilization',
      type: 'gauge',
      unit: '%',
      volume: 1.5,
      user_id: 'user-1',
      user_name: null,
      project_id: 'project-é',
      project_name: null,
      resource_id: 'resource-1',
      timestamp: '2026-01-02T03:04:06+00:00',
      resource_metadata: { display_name: 'it\'s "quoted"', flavor: { vcpus: 2 }, tags: ['a', 'é'] },
      source: 'openstack',
      id: '10000000-0000-4000-8000-000000000001',
      monotonic_time: null,
    });
  });

  test('without json a sample is what Python prints of it', async (t) => {
    const path = join(directoryFor(t), 'a');
    await samplesTo(t, `file://${path}`).publish([sampleNumber(1)], signal);
    assert.equal(
      readFileSync(path, 'utf8'),
      "{'name': 'cpu.utilization', 'type': 'gauge', 'unit': '%', 'volume': 1.5, 'user_id': 'user-1', " +
        "'user_name': None, 'project_id': 'project-é', 'project_name': None, 'resource_id': 'resource-1', " +
        "'timestamp': '2026-01-02T03:04:06+00:00', 'resource_metadata': {'display_name': 'it\\'s \"quoted\"', " +
        "'flavor': {'vcpus': 2}, 'tags': ['a', 'é']}, 'source': 'openstack', " +
        "'id': '10000000-0000-4000-8000-000000000001', 'monotonic_time': None}\n",
    );
  });

  test('an event in JSON has traits as mappings, and times with a blank', async (t) => {
    const path = join(directoryFor(t), 'a');
    const event = eventNumber(1, { generated: '2026-01-02T03:04:05.000006', priority: null });
    await eventsTo(t, `file://${path}?json=`).publish([event], signal);
    assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), {
      message_id: '20000000-0000-4000-8000-000000000001',
      event_type: 'compute.instance.update',
      generated: '2026-01-02 03:04:05.000006',
      traits: [
        { name: 'instance_id', dtype: 1, value: 'instance-1' },
        { name: 'vcpus', dtype: 2, value: 4 },
        { name: 'load', dtype: 3, value: 0.25 },
        { name: 'launched_at', dtype: 4, value: '2026-01-02 03:00:00' },
      ],
      raw: {},
    });
  });

  test('an event as Python prints it has datetimes', async (t) => {
    const path = join(directoryFor(t), 'a');
    const event = eventNumber(1, { raw: { payload: { n: null } }, deployment: 'cell-1' });
    await eventsTo(t, `file://${path}`).publish([event], signal);
    assert.equal(
      readFileSync(path, 'utf8'),
      "{'message_id': '20000000-0000-4000-8000-000000000001', 'event_type': 'compute.instance.update', " +
        "'generated': datetime.datetime(2026, 1, 2, 3, 4, 6), 'traits': [" +
        "{'name': 'instance_id', 'dtype': 1, 'value': 'instance-1'}, {'name': 'vcpus', 'dtype': 2, 'value': 4}, " +
        "{'name': 'load', 'dtype': 3, 'value': 0.25}, " +
        "{'name': 'launched_at', 'dtype': 4, 'value': datetime.datetime(2026, 1, 2, 3, 0)}], " +
        "'raw': {'payload': {'n': None}}, 'priority': 'info', 'deployment': 'cell-1'}\n",
    );
  });

  test('an item nested too deeply is rejected, and its neighbours are written', async (t) => {
    const path = join(directoryFor(t), 'a');
    const deep = JSON.parse(`${'{"a":'.repeat(600)}1${'}'.repeat(600)}`);
    const items = [sampleNumber(0), sampleNumber(1, { resourceMetadata: deep }), sampleNumber(2)];
    const result = await samplesTo(t, `file://${path}?json`).publish(items, signal);
    assert.deepEqual(
      { ...result, rejected: result.rejected.map(({ index, error }) => [index, error.code, error.retry]) },
      { accepted: 2, duplicates: [], rejected: [[1, 'E8052', 'permanent']] },
    );
    assert.deepEqual(namesIn(path), ['resource-0', 'resource-2']);
  });
});

suite('the file of the file publisher', () => {
  test('is made private with its directories', async (t) => {
    const directory = join(directoryFor(t), 'a', 'b');
    await samplesTo(t, `file://${directory}/c?json`).publish([sampleNumber(0)], signal);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    assert.equal(statSync(join(directory, 'c')).mode & 0o777, 0o640 & ~process.umask());
  });

  test('must be named by its absolute path', () => {
    for (const url of ['file://', 'file:///', 'file://var/log/x', 'file:///var/log/']) {
      const parsed = parsePublisherUrl(url, FILE_PUBLISHER);
      assert.throws(() => FILE_PUBLISHER.samples?.(parsed, CONTEXT), { code: 'E1113', retry: 'permanent' });
    }
  });

  test('begins anew before it would reach max_bytes, and backup_count old ones are kept', async (t) => {
    const directory = directoryFor(t);
    const path = join(directory, 'samples');
    const line = Buffer.byteLength(`${JSON.stringify({})}`) + 500;
    const url = `file://${path}?json&max_bytes=${line * 3}&backup_count=2`;
    const publisher = samplesTo(t, url);
    await publisher.publish(
      [0, 1, 2, 3, 4].map((index) => sampleNumber(index)),
      signal,
    );
    for (let index = 5; index < 30; index++) await publisher.publish([sampleNumber(index)], signal);
    assert.deepEqual(readdirSync(directory).sort(), ['samples', 'samples.1', 'samples.2']);
    const kept = ['samples.2', 'samples.1', 'samples'].flatMap((name) => namesIn(join(directory, name)));
    assert.deepEqual(
      kept,
      Array.from({ length: kept.length }, (_, index) => `resource-${30 - kept.length + index}`),
    );
    assert.ok(kept.length >= 7);
    for (const name of readdirSync(directory)) assert.ok(statSync(join(directory, name)).size < line * 3);
  });

  test('is not rotated with only one of the two numbers, or with 0', async (t) => {
    for (const query of [
      'max_bytes=10',
      'backup_count=3',
      'max_bytes=10&backup_count=0',
      'max_bytes=0&backup_count=3',
    ]) {
      const directory = directoryFor(t);
      const publisher = samplesTo(t, `file://${directory}/a?json&${query}`);
      for (const index of [0, 1, 2]) await publisher.publish([sampleNumber(index)], signal);
      assert.deepEqual(readdirSync(directory), ['a'], query);
    }
  });

  test('is opened again when others have rotated or removed it', async (t) => {
    const path = join(directoryFor(t), 'a');
    const publisher = samplesTo(t, `file://${path}?json`);
    await publisher.publish([sampleNumber(0)], signal);
    renameSync(path, `${path}.old`);
    await publisher.publish([sampleNumber(1)], signal);
    rmSync(path);
    await publisher.publish([sampleNumber(2)], signal);
    assert.deepEqual([namesIn(`${path}.old`), namesIn(path)], [['resource-0'], ['resource-2']]);
  });

  test('goes on after a half line that a crash left behind', async (t) => {
    const path = join(directoryFor(t), 'a');
    writeFileSync(path, '{"name":');
    await samplesTo(t, `file://${path}?json`).publish([sampleNumber(0)], signal);
    const [half, line, end] = readFileSync(path, 'utf8').split('\n');
    assert.deepEqual([half, JSON.parse(line ?? '').resource_id, end], ['{"name":', 'resource-0', '']);
  });

  test('may be appended to by several publishers and others at a time', async (t) => {
    const path = join(directoryFor(t), 'a');
    const publishers = [0, 1, 2].map(() => samplesTo(t, `file://${path}?json&sync=false`));
    const rounds = publishers.map(async (publisher, lane) => {
      for (let round = 0; round < 50; round++) {
        const items = Array.from({ length: 20 }, (_, index) =>
          sampleNumber(lane * 1_000 + round * 20 + index),
        );
        await publisher.publish(items, signal);
        appendFileSync(path, '{"resource_id":"foreign"}\n');
      }
    });
    await Promise.all(rounds);
    const names = namesIn(path);
    assert.equal(names.filter((name) => name === 'foreign').length, 150);
    const own = names.filter((name) => name !== 'foreign').map((name) => Number(name.slice(9)));
    assert.deepEqual(
      own.sort((one, other) => one - other),
      Array.from({ length: 3_000 }, (_, index) => index),
    );
  });

  test('a full disk is transient and named', async (t) => {
    const publisher = samplesTo(t, 'file:///dev/full?json&sync=false');
    await assert.rejects(publisher.publish([sampleNumber(0)], signal), {
      code: 'E8051',
      retry: 'transient',
      message: 'No space left for /dev/full',
    });
  });

  test('a directory that cannot be written is transient, and writing goes on when it can', async (t) => {
    const directory = join(directoryFor(t), 'd');
    writeFileSync(directory, 'no directory');
    const publisher = samplesTo(t, `file://${directory}/a?json`);
    await publisher.start(signal);
    assert.match(publisher.status().reason ?? '', /^E8050 .*\/d\/a cannot be written: /);
    await assert.rejects(publisher.publish([sampleNumber(0)], signal), { code: 'E8050', retry: 'transient' });
    rmSync(directory);
    await publisher.publish([sampleNumber(1)], signal);
    assert.deepEqual(namesIn(join(directory, 'a')), ['resource-1']);
    assert.deepEqual(publisher.status(), { state: 'ok' });
  });

  test('a write that a full disk ends half-way leaves nothing behind, and goes on when there is room', {
    skip: canMount() ? false : 'needs the right to mount a small file system',
  }, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'nephoscope-mount-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', directory]);
    const path = join(directory, 'a');
    const publisher = samplesTo(t, `file://${path}?json`);
    t.after(() => {
      execFileSync('umount', [directory]);
      rmSync(directory, { recursive: true });
    });
    const items = Array.from({ length: 50 }, (_, index) => sampleNumber(index));
    await publisher.publish(items, signal);
    const before = readFileSync(path);
    writeFileSync(join(directory, 'filler'), Buffer.alloc(statSync(path).size / 2 + 20_000));
    const failure = await publisher.publish([...items, ...items], signal).then(
      () => null,
      (error: NephoscopeError) => error,
    );
    assert.equal(failure?.code, 'E8051');
    assert.deepEqual(readFileSync(path), before);
    rmSync(join(directory, 'filler'));
    await publisher.publish([sampleNumber(50)], signal);
    assert.deepEqual(
      namesIn(path),
      Array.from({ length: 51 }, (_, index) => `resource-${index}`),
    );
  });
});

function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', directory], { stdio: 'ignore' });
    execFileSync('umount', [directory]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
