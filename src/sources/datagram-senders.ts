import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { NephoscopeError } from '../component/errors.ts';

/** Verdicts remembered; a flood of forged addresses must not fill the memory. */
const MAX_REMEMBERED = 4096;

/**
 * Whether a sender is in one of `networks` (`10.0.0.0/8`, `2001:db8::/32`, or a single address). `where` names the option
 * in the error. Throws a permanent `NephoscopeError` (E5040) for what is no network.
 */
export function createSenderCheck(networks: readonly string[], where: string): (address: string) => boolean {
  const allowed = new BlockList();
  for (const network of networks) addNetwork(allowed, network, where);
  const remembered = new Map<string, boolean>();
  return (address) => {
    const known = remembered.get(address);
    if (known !== undefined) return known;
    const verdict = allowed.check(withoutZone(address), isIPv6(address) ? 'ipv6' : 'ipv4');
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(address, verdict);
    return verdict;
  };
}

/** True when only programs on this machine can send there. */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || (isIPv4(address) && address.startsWith('127.'));
}

/** Throws a permanent `NephoscopeError` (E5040) when the text is no literal address. */
export function requireAddress(address: string, where: string): string {
  if (isIPv4(address) || isIPv6(address)) return address;
  throw new NephoscopeError('E5040', `${where}: ${JSON.stringify(address)} is no IPv4 or IPv6 address`);
}

function addNetwork(allowed: BlockList, text: string, where: string): void {
  const [address = '', bits, ...rest] = text.trim().split('/');
  const isV6 = isIPv6(address);
  const most = isV6 ? 128 : 32;
  const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
  if ((!isV6 && !isIPv4(address)) || rest.length > 0 || prefix < 0 || prefix > most) {
    throw new NephoscopeError('E5040', `${where}: ${JSON.stringify(text)} is no network`);
  }
  allowed.addSubnet(address, prefix, isV6 ? 'ipv6' : 'ipv4');
}

function withoutZone(address: string): string {
  return address.replace(/%.*$/, '');
}
