import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { fakeView, pollContext } from '../../../test/support/fake-host.ts';
import { createMemoryPollster } from './memory.ts';

const MEMINFO = `MemTotal:       24684092 kB
MemFree:        23974972 kB
MemAvailable:   24083020 kB
Buffers:            3516 kB
Cached:           329496 kB
SwapCached:            0 kB
Active(anon):      26624 kB
SwapTotal:       1048572 kB
SwapFree:        1048000 kB
HugePages_Total:       0
Hugepagesize:       2048 kB
`;

async function poll(text: string): Promise<unknown[]> {
  const samples = await createMemoryPollster(fakeView({ files: { '/proc/meminfo': text } })).poll(
    pollContext(),
  );
  return samples.map(({ name, type, unit, volume, resourceId }) => [name, type, unit, volume, resourceId]);
}

test('memory and swap space are told as SNMP counts them', async () => {
  assert.deepEqual(await poll(MEMINFO), [
    ['hardware.memory.total', 'gauge', 'KB', 24684092, 'node1'],
    ['hardware.memory.used', 'gauge', 'KB', 709120, 'node1'],
    ['hardware.memory.buffer', 'gauge', 'KB', 3516, 'node1'],
    ['hardware.memory.cached', 'gauge', 'KB', 329496, 'node1'],
    ['hardware.memory.swap.total', 'gauge', 'KB', 1048572, 'node1'],
    ['hardware.memory.swap.avail', 'gauge', 'KB', 1048000, 'node1'],
  ]);
});

test('what the kernel does not tell is left out', async () => {
  assert.deepEqual(await poll('MemTotal: 100 kB\nMemFree: broken kB\nCached: 5\n'), [
    ['hardware.memory.total', 'gauge', 'KB', 100, 'node1'],
  ]);
});

test('any text gives finite volumes of known meters', async () => {
  const line = fc.tuple(
    fc.constantFrom('MemTotal', 'MemFree', 'Cached', 'x'),
    fc.oneof(fc.nat(), fc.string()),
  );
  const text = fc.array(line).map((lines) => lines.map(([name, value]) => `${name}: ${value} kB`).join('\n'));
  await fc.assert(
    fc.asyncProperty(text, async (meminfo) => {
      const pollster = createMemoryPollster(fakeView({ files: { '/proc/meminfo': meminfo } }));
      const names = new Set(pollster.meters.map(({ name }) => name));
      for (const { name, volume } of await pollster.poll(pollContext())) {
        assert.ok(names.has(name) && Number.isSafeInteger(volume) && volume >= 0);
      }
    }),
  );
});
