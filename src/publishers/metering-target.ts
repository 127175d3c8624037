import { NephoscopeError } from '../component/errors.ts';
import type { PublisherContext, PublisherUrl } from './publisher.ts';
import { readSigning } from './signing.ts';

/** The collector that `udp://` and `tcp://` send metering messages to. */
export interface MeteringTarget {
  readonly host: string;
  readonly port: number;
  /** Key of the signatures; empty when messages are not signed. Keep it out of logs. */
  readonly secret: string;
}

const DEFAULT_PORT = 4952;

/**
 * The target that URL and configuration name; touches nothing outside. Throws a permanent `NephoscopeError`: E1113
 * when the URL names no host, and as `readSigning`.
 */
export function readMeteringTarget(url: PublisherUrl, { config }: PublisherContext): MeteringTarget {
  const { host, port, shown } = url;
  if (host === null) throw new NephoscopeError('E1113', `${shown} names no host, or several`);
  return { host, port: port ?? DEFAULT_PORT, secret: readSigning(config).secret };
}
