import assert from 'node:assert/strict';
import test from 'node:test';
import { pollContext } from '../../../test/support/fake-host.ts';
import { createHostView } from '../host-view.ts';
import { createPollsters } from './registry.ts';

const RESOURCES = { view: createHostView() };

test('names of pollsters and meters are unique', () => {
  const pollsters = createPollsters(RESOURCES);
  const names = pollsters.map(({ name }) => name);
  const meters = pollsters.flatMap((pollster) => pollster.meters.map(({ name }) => name));
  assert.deepEqual(names, [...new Set(names)]);
  assert.deepEqual(meters, [...new Set(meters)]);
});

test('every pollster of the host measures this machine and keeps to its own description', {
  skip: process.platform === 'linux' ? false : 'needs /proc of Linux',
}, async (t) => {
  for (const pollster of createPollsters(RESOURCES).filter(({ namespace }) => namespace === 'host')) {
    await t.test(pollster.name, async () => {
      const context = pollContext();
      const samples = await pollster.poll(context);
      assert.ok(samples.length > 0 || (await hasNothingFor(pollster.name)), 'it measured nothing');
      const described = new Map(pollster.meters.map((meter) => [meter.name, meter]));
      for (const sample of samples) {
        const meter = described.get(sample.name);
        assert.deepEqual([sample.type, sample.unit], [meter?.type, meter?.unit]);
        assert.ok(Number.isFinite(sample.volume) && sample.volume >= 0);
        assert.ok(sample.resourceId === 'node1' || sample.resourceId.startsWith('node1.'));
        assert.deepEqual([sample.timestamp, sample.source], [context.timestamp, 'hardware']);
      }
      const ids = samples.map(({ id }) => id);
      assert.deepEqual(ids, [...new Set(ids)]);
    });
  }
});

/** A machine cut off from all networks, such as a build in a sandbox, has only the loop to itself. */
async function hasNothingFor(pollster: string): Promise<boolean> {
  const interfaces = await RESOURCES.view.list('/sys/class/net');
  return pollster === 'host.network' && interfaces.every((name) => name === 'lo');
}
