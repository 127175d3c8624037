import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { type FakeMachine, fakeView, pollContext } from '../../../test/support/fake-host.ts';
import type { Sample } from '../../model/sample.ts';
import { createNetworkPollster } from './network.ts';

const HEAD = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
`;
const NET_DEV = `${HEAD}    lo:   66290     881    0    0    0     0          0         0    66290     881    0    0    0     0       0          0
tap0a1b:     1     1    1    1    0     0          0         0     1    1    1    1    0     0       0          0
  eth0: 209572914    5428    1    2    0     0          0         0   368704    3508    3    4    0     0       0          0
bond0:1:18014398509481985 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
`;

const poll = (machine: FakeMachine): Promise<readonly Sample[]> =>
  createNetworkPollster(fakeView(machine)).poll(pollContext());

test('each interface of the hardware tells what it received and sent', async () => {
  const samples = await poll({
    files: {
      '/proc/net/dev': NET_DEV,
      '/sys/class/net/eth0/address': '52:54:00:12:34:56\n',
      '/sys/class/net/eth0/speed': '1000\n',
      '/sys/class/net/bond0:1/speed': '-1\n',
    },
    addresses: { eth0: '10.0.0.5' },
  });
  const eth0 = { host: 'node1', name: 'eth0', mac: '52:54:00:12:34:56', ip: '10.0.0.5', speed: 125_000_000 };
  assert.deepEqual(
    samples.slice(0, 8).map((sample) => [sample.name, sample.unit, sample.volume]),
    [
      ['hardware.network.incoming.bytes', 'B', 209572914],
      ['hardware.network.incoming.packets', 'packet', 5428],
      ['hardware.network.incoming.errors', 'packet', 1],
      ['hardware.network.incoming.drop', 'packet', 2],
      ['hardware.network.outgoing.bytes', 'B', 368704],
      ['hardware.network.outgoing.packets', 'packet', 3508],
      ['hardware.network.outgoing.errors', 'packet', 3],
      ['hardware.network.outgoing.drop', 'packet', 4],
    ],
  );
  for (const sample of samples.slice(0, 8)) {
    assert.deepEqual(
      [sample.type, sample.resourceId, sample.resourceMetadata],
      ['cumulative', 'node1.eth0', eth0],
    );
  }
  assert.deepEqual(
    samples
      .slice(8)
      .map(({ resourceId, resourceMetadata, volume }) => [resourceId, resourceMetadata, volume]),
    [2 ** 54, 2, 3, 4, 9, 10, 11, 12].map((volume) => [
      'node1.bond0:1',
      { host: 'node1', name: 'bond0:1' },
      volume,
    ]),
  );
});

test('any text gives finite volumes', async () => {
  const field = fc.oneof(fc.nat().map(String), fc.constantFrom('eth0:', '-1', '1e999', ':'), fc.string());
  const lines = fc.array(fc.array(field, { minLength: 15, maxLength: 18 }).map((line) => line.join(' ')));
  await fc.assert(
    fc.asyncProperty(lines, async (text) => {
      for (const { volume } of await poll({ files: { '/proc/net/dev': HEAD + text.join('\n') } })) {
        assert.ok(Number.isFinite(volume) && volume >= 0);
      }
    }),
  );
});
