import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import { parseKernelDrops, readKernelDrops } from './datagram-kernel-drops.ts';

const TABLE = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  231: 0100007F:1FBD 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1111 2 0000000000000000 7
  232: 0100007F:1FBD 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1112 2 0000000000000000 5
  233: 00000000:1FBD 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1113 2 0000000000000000 100
`;

test('the drops of all sockets of an address and port are summed', () => {
  assert.equal(parseKernelDrops(TABLE, { address: '127.0.0.1', port: 8125 }), 12);
  assert.equal(parseKernelDrops(TABLE, { address: '0.0.0.0', port: 8125 }), 100);
  assert.equal(parseKernelDrops(TABLE, { address: '127.0.0.1', port: 8126 }), null);
  assert.equal(parseKernelDrops('', { address: '127.0.0.1', port: 8125 }), null);
});

for (const address of ['127.0.0.1', '0.0.0.0', '::1', '::', '::ffff:127.0.0.1']) {
  test(`a socket on ${address} is found`, {
    skip: process.platform !== 'linux' && 'needs /proc',
  }, async (t) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    t.after(() => socket.close());
    await new Promise<void>((resolve) => socket.bind(0, address, resolve));
    assert.equal(readKernelDrops({ address, port: socket.address().port }), 0);
  });
}
