import { NephoscopeError } from '../component/errors.ts';
import { Secret } from '../config/option.ts';

/** One broker node and the login for it; a URL may give each node its own. */
export interface BrokerHost {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** Null when the URL gives none. */
  readonly username: string | null;
  readonly password: Secret | null;
}

/** A parsed `[DEFAULT] transport_url`: where the broker is and how to log in. */
export interface TransportUrl {
  /** In lower case: `rabbit`, `kafka`, `fake` … */
  readonly driver: string;
  /** In the order of the URL; at least one. */
  readonly hosts: readonly BrokerHost[];
  /** `/` when the URL names none. */
  readonly vhost: string;
  /** Driver options that this URL overrides; values of a repeated name are joined with a comma. */
  readonly query: ReadonlyMap<string, string>;
  /** What is allowed but looks like a mistake; for the log. */
  readonly warnings: readonly string[];
}

/** A transport URL that cannot be understood. Its text never holds the URL itself, which may hold a password. */
export class TransportUrlError extends NephoscopeError {
  constructor(reason: string, hint?: string) {
    super('E2001', `Bad transport URL: ${reason}`, hint === undefined ? {} : { hint });
    this.name = 'TransportUrlError';
  }
}

const DEFAULT_PORT = 5672;

/**
 * Reads `driver://[user[:password]@]host[:port][,…][/vhost][?option=value&…]` as oslo.messaging does: users, passwords,
 * the virtual host and option values are percent-decoded, each host may have its own login, IPv6 stands in brackets,
 * no host at all means guest:guest@localhost. Pure. Throws `TransportUrlError` and nothing else.
 * Unlike the original, a `#` is refused wherever it stands instead of cutting the URL there.
 */
export function parseTransportUrl(text: string): TransportUrl {
  const trimmed = text.trim();
  const parts = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(#)?/is.exec(trimmed);
  if (parts === null) throw new TransportUrlError('it does not begin with a driver, as in rabbit://');
  const [, driver = '', authority = '', path = '', query = '', hash] = parts;
  if (hash !== undefined) throw new TransportUrlError('a # stands in it; inside a password write %23');
  const hosts = parseHosts(authority);
  return {
    driver: driver.toLowerCase(),
    hosts: hosts.length === 0 ? [LOCAL_GUEST] : hosts,
    vhost: percentDecode(path.slice(1), 'the virtual host') || '/',
    query: parseQuery(query),
    warnings: mixedLoginWarning(hosts),
  };
}

/** The same URL with every password as `***`, for logs and status pages; of an unreadable URL only its driver is left. */
export function redactUrl(text: string): string {
  try {
    return formatTransportUrl(parseTransportUrl(text));
  } catch {
    const driver = /^\s*([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1];
    return driver === undefined ? '***' : `${driver.toLowerCase()}://***`;
  }
}

/** A URL for people: passwords as `***`, options of the query left out. */
export function formatTransportUrl(url: TransportUrl): string {
  const hosts = url.hosts.map((host) => {
    const login =
      host.username === null
        ? ''
        : `${encodeURIComponent(host.username)}${host.password === null ? '' : ':***'}@`;
    return `${login}${formatHost(host)}`;
  });
  return `${url.driver}://${hosts.join(',')}/${url.vhost === '/' ? '' : encodeURIComponent(url.vhost)}`;
}

/** `host:port`, with brackets around IPv6. */
export function formatHost({ host, port }: Pick<BrokerHost, 'host' | 'port'>): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const LOCAL_GUEST: BrokerHost = {
  host: 'localhost',
  port: DEFAULT_PORT,
  username: 'guest',
  password: new Secret('guest'),
};

function parseHosts(authority: string): readonly BrokerHost[] {
  return authority
    .split(',')
    .filter((part) => part !== '')
    .map((part, index) => parseHost(part, index + 1));
}

function parseHost(part: string, place: number): BrokerHost {
  const at = part.lastIndexOf('@');
  const login = at < 0 ? null : part.slice(0, at);
  const colon = login?.indexOf(':') ?? -1;
  const username = login === null || colon < 0 ? login : login.slice(0, colon);
  const password = login === null || colon < 0 ? null : login.slice(colon + 1);
  return {
    ...parseAddress(part.slice(at + 1), place),
    username: username === null ? null : percentDecode(username, `the user of host ${place}`),
    password: password === null ? null : new Secret(percentDecode(password, `the password of host ${place}`)),
  };
}

function parseAddress(address: string, place: number): { readonly host: string; readonly port: number } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/s.exec(address);
  const plain = bracketed ?? /^([^:[\]]*)(?::([^:]*))?$/s.exec(address);
  if (plain === null) {
    throw new TransportUrlError(
      `the address of host ${place} is neither host:port nor [IPv6]:port; a : / @ or , inside a password is written as %3A %2F %40 %2C`,
    );
  }
  const [, host = '', port = ''] = plain;
  return {
    host: host === '' ? 'localhost' : host,
    port: port === '' ? DEFAULT_PORT : parsePort(port, place),
  };
}

function parsePort(text: string, place: number): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) {
    // What stands there may be the rest of a password with an unencoded / in it, so it is not repeated.
    throw new TransportUrlError(
      `the port of host ${place} is not a number between 1 and 65535; a / # or ? inside a password is written as %2F %23 %3F`,
    );
  }
  return port;
}

function parseQuery(text: string): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const pair of text.split('&')) {
    const [rawName = '', ...rest] = pair.split('=');
    const name = percentDecode(rawName.replaceAll('+', ' '), 'the name of an option');
    const value = percentDecode(rest.join('=').replaceAll('+', ' '), 'the value of an option');
    if (value === '') continue;
    const before = query.get(name);
    query.set(name, before === undefined ? value : `${before},${value}`);
  }
  return query;
}

function mixedLoginWarning(hosts: readonly BrokerHost[]): readonly string[] {
  const without = hosts.filter((host) => host.username === null).length;
  if (without === 0 || without === hosts.length) return [];
  return [
    `${without} of the ${hosts.length} hosts of the transport URL have no login; guest is used for them`,
  ];
}

/** As Python's unquote: `%` not followed by two hexadecimal digits stays as it is. */
function percentDecode(text: string, what: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      throw new TransportUrlError(`${what} has escapes that are not UTF-8`);
    }
  });
}
