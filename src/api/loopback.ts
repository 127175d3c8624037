import { isIPv4, isIPv6 } from 'node:net';
import { NephoscopeError } from '../component/errors.ts';
import type { Config } from '../config/option.ts';
import { ApiError } from './errors.ts';
import { API_HOST } from './options.ts';

/** True for addresses and names that mean this machine: `localhost`, `127.x.x.x`, `::1`, with or without brackets. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  if (isIPv4(name)) return name.startsWith('127.');
  if (isIPv6(name)) return name === '::1' || name === '0:0:0:0:0:0:0:1';
  return name === 'localhost' || name.endsWith('.localhost');
}

/** Where the API is to listen. Throws a permanent `NephoscopeError` (E4012) unless that is loopback. Pure. */
export function checkApiAddress(config: Pick<Config, 'get'>): string {
  const host = config.get(API_HOST);
  if (isLoopback(host)) return host;
  throw new NephoscopeError('E4012', `The API would listen on ${host}, which others can reach`);
}

/** What of a request says where it came from. */
export interface RequestOrigin {
  readonly method: string;
  /** The Host header: a name or address, with or without port. */
  readonly host: string | undefined;
  /** The Origin header, which browsers send. */
  readonly origin: string | undefined;
}

/**
 * Refuses what a browser was talked into by a page from elsewhere. Throws an `ApiError` (403) when the Host header
 * does not name this machine (a page whose name was bound to 127.0.0.1 afterwards), or when the page that wants to
 * change something was not loaded from this server. Pure.
 */
export function refuseForeign({ method, host, origin }: RequestOrigin): void {
  if (host === undefined || !isLoopback(host.replace(/:\d*$/, ''))) {
    throw new ApiError(403, 'E4010', `The Host header does not name this machine: ${host ?? '(none)'}`, {
      origin: 'routing',
    });
  }
  if (method === 'GET' || method === 'HEAD' || origin === undefined) return;
  if (origin !== `http://${host}`) {
    throw new ApiError(403, 'E4010', `The request comes from a page of ${origin}`, { origin: 'routing' });
  }
}
