import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import type { DatagramAddress } from './datagram-socket.ts';

/**
 * How many datagrams the kernel threw away because the receive buffer of a socket on this address was full, since the
 * socket was opened: nobody else knows of them. From /proc/net/udp and udp6, column `drops`; the sum when several
 * sockets share the address. Null where there is no such file, or no such socket.
 */
export function readKernelDrops({ address, port }: DatagramAddress): number | null {
  try {
    const text = readFileSync(isIPv6(address) ? '/proc/net/udp6' : '/proc/net/udp', 'latin1');
    return parseKernelDrops(text, { address, port });
  } catch {
    return null;
  }
}

/** The same of the text of that file. Pure, never throws. */
export function parseKernelDrops(text: string, { address, port }: DatagramAddress): number | null {
  const local = `${hexOf(address)}:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  let drops: number | null = null;
  for (const line of text.split('\n')) {
    const columns = line.trim().split(/\s+/);
    if (columns[1] === local) drops = (drops ?? 0) + (Number(columns.at(-1)) || 0);
  }
  return drops;
}

/** As the kernel prints it on little-endian machines: each group of four bytes from the last to the first. */
function hexOf(address: string): string {
  const bytes = isIPv6(address) ? bytesOfV6(address) : address.split('.').map(Number);
  const words: string[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    const word = bytes.slice(at, at + 4).reverse();
    words.push(...word.map((byte) => byte.toString(16).toUpperCase().padStart(2, '0')));
  }
  return words.join('');
}

function bytesOfV6(address: string): readonly number[] {
  const [head = '', tail] = withoutDots(address).split('::');
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => 0);
  return [...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]);
}

function groupsOf(text: string): readonly number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

/** `::ffff:1.2.3.4` with its last part as two groups. */
function withoutDots(address: string): string {
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address.replace(/%.*$/, ''));
  if (dotted === null) return address.replace(/%.*$/, '');
  const [whole, a, b, c, d] = dotted;
  const group = (high = '0', low = '0'): string => (Number(high) * 256 + Number(low)).toString(16);
  return `${address.slice(0, address.indexOf(whole))}${group(a, b)}:${group(c, d)}`;
}
