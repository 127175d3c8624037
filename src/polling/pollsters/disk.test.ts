import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { type FakeMachine, fakeView, pollContext } from '../../../test/support/fake-host.ts';
import { NephoscopeError } from '../../component/errors.ts';
import { createDiskPollster } from './disk.ts';

const DISKSTATS = `   7       0 loop0 5 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
 254       0 vda 37596 7684 2370754 20493 25939 23134 2384248 9538 0 5340 30686 9578 78 756912 484 5326 169
 254       1 vda1 37000 7684 2370000 20493 25939 23134 2384248 9538 0 5340 30686
 253       0 zram0 0 0 0 0 0 0 0 0 0 0 0
   8       0 sdb 1 0 2 0 3 0 4 0 0 0 0
  11       0 sr0 1 0 2 0 3 0 4 0 0 0 0
`;

const MOUNTS = `proc /proc proc rw,relatime 0 0
tmpfs /dev/shm tmpfs rw,relatime,size=24684092k 0 0
/dev/vda1 /var/lib/elsewhere ext4 rw,relatime 0 0
/dev/vda1 / ext4 rw,relatime 0 0
/dev/sdb /mnt/with\\040blank xfs rw 0 0
/dev/loop0 /snap/core squashfs ro 0 0
tank/data /tank zfs rw 0 0
server:/export /mnt/nfs nfs4 rw 0 0
`;

const SPACES = {
  '/': { totalBytes: 40_000 * 1024, usedBytes: 10_000 * 1024 + 1023 },
  '/mnt/with blank': { totalBytes: 1024, usedBytes: 0 },
  '/tank': { totalBytes: 2048, usedBytes: 1024 },
  '/mnt/nfs': { totalBytes: 1, usedBytes: 1 },
  '/snap/core': { totalBytes: 1, usedBytes: 1 },
};

async function poll(machine: FakeMachine): Promise<unknown[]> {
  const samples = await createDiskPollster(fakeView(machine)).poll(pollContext());
  return samples.map((sample) => [sample.name, sample.volume, sample.resourceId, sample.resourceMetadata]);
}

test('file systems on disks are told once each with device and path, others are not', async () => {
  const root = { host: 'node1', device: '/dev/vda1', path: '/' };
  const second = { host: 'node1', device: '/dev/sdb', path: '/mnt/with blank' };
  const pool = { host: 'node1', device: 'tank/data', path: '/tank' };
  assert.deepEqual(
    await poll({ files: { '/proc/self/mounts': MOUNTS, '/proc/diskstats': '' }, spaces: SPACES }),
    [
      ['hardware.disk.size.total', 40_000, 'node1./dev/vda1', root],
      ['hardware.disk.size.used', 10_000, 'node1./dev/vda1', root],
      ['hardware.disk.size.total', 1, 'node1./dev/sdb', second],
      ['hardware.disk.size.used', 0, 'node1./dev/sdb', second],
      ['hardware.disk.size.total', 2, 'node1.tank/data', pool],
      ['hardware.disk.size.used', 1, 'node1.tank/data', pool],
    ],
  );
});

test('whole disks tell what they read and wrote, their parts and devices in memory do not', async () => {
  const directories = { '/sys/block': ['loop0', 'sdb', 'sr0', 'vda', 'zram0'] };
  assert.deepEqual(await poll({ files: { '/proc/diskstats': DISKSTATS }, directories }), [
    ['hardware.disk.read.bytes', 2370754 * 512, 'node1.vda', { host: 'node1', device: 'vda' }],
    ['hardware.disk.write.bytes', 2384248 * 512, 'node1.vda', { host: 'node1', device: 'vda' }],
    ['hardware.disk.read.requests', 37596, 'node1.vda', { host: 'node1', device: 'vda' }],
    ['hardware.disk.write.requests', 25939, 'node1.vda', { host: 'node1', device: 'vda' }],
    ['hardware.disk.read.bytes', 1024, 'node1.sdb', { host: 'node1', device: 'sdb' }],
    ['hardware.disk.write.bytes', 2048, 'node1.sdb', { host: 'node1', device: 'sdb' }],
    ['hardware.disk.read.requests', 1, 'node1.sdb', { host: 'node1', device: 'sdb' }],
    ['hardware.disk.write.requests', 3, 'node1.sdb', { host: 'node1', device: 'sdb' }],
  ]);
});

test('without /sys/block the parts of disks are told as well', async () => {
  const told = await poll({ files: { '/proc/diskstats': DISKSTATS } });
  assert.deepEqual(
    [...new Set(told.map((sample) => (sample as string[])[2]))],
    ['node1.vda', 'node1.vda1', 'node1.sdb'],
  );
});

test('without /proc/diskstats the poll fails with its name', async () => {
  await assert.rejects(
    poll({ files: {} }),
    (thrown) => thrown instanceof NephoscopeError && thrown.message === '/proc/diskstats cannot be read',
  );
});

test('any text gives finite volumes', async () => {
  const field = fc.oneof(
    fc.nat().map(String),
    fc.constantFrom('sda', '-1', '1e999', '0x10', '/dev/x', 'ext4'),
    fc.string(),
  );
  const text = fc
    .array(fc.array(field, { maxLength: 14 }))
    .map((lines) => lines.map((line) => line.join(' ')).join('\n'));
  await fc.assert(
    fc.asyncProperty(text, text, async (mounts, diskstats) => {
      const view = {
        ...fakeView({ files: { '/proc/self/mounts': mounts, '/proc/diskstats': diskstats } }),
        space: async () => ({ totalBytes: 4096, usedBytes: 1 }),
      };
      for (const { volume } of await createDiskPollster(view).poll(pollContext())) {
        assert.ok(Number.isFinite(volume) && volume >= 0);
      }
    }),
  );
});
