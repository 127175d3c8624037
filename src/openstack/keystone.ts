import { NephoscopeError } from '../component/errors.ts';
import { Secret } from '../config/option.ts';
import type { KeystoneCredentials, Scope } from './credentials.ts';
import { type HttpAnswer, type HttpClient, shownUrl } from './http.ts';

/** A token and what came with it. Instants are of `performance.now`. */
export interface Token {
  readonly secret: Secret;
  /** When to ask for another one, so that none expires on its way. */
  readonly renewAt: number;
  readonly catalog: readonly CatalogService[];
  readonly project: TokenProject | null;
}

/** The project a token is for. */
export interface TokenProject {
  readonly id: string;
  readonly name: string;
  readonly domain: string;
}

interface CatalogService {
  readonly type: string;
  readonly name: string;
  readonly endpoints: readonly CatalogEndpoint[];
}

interface CatalogEndpoint {
  readonly interface: string;
  readonly region: string;
  readonly url: string;
}

/** Which endpoint of the catalogue; null takes any. */
export interface ServiceChoice {
  readonly type: string;
  readonly name: string | null;
  readonly interface: string;
  readonly region: string | null;
}

/** A login to Keystone that is kept, renewed before it ends and shared by overlapping callers. */
export interface KeystoneSession {
  /** A valid token. Throws a transient `NephoscopeError` (E8031 to E8033, E8035). */
  token(signal: AbortSignal): Promise<Token>;
  /** A service refused this token: the next call of `token` asks for another one. */
  forget(token: Token): void;
}

/** Tokens are renewed this long before they end; of a short life, a quarter is left. */
const RENEW_BEFORE_MILLIS = 120_000;
/** When a token does not say how long it lives. */
const UNKNOWN_LIFE_MILLIS = 300_000;

/** Creates a session; asks nothing until a token is wanted. */
export function createKeystoneSession(credentials: KeystoneCredentials, http: HttpClient): KeystoneSession {
  const body = JSON.stringify(loginRequest(credentials));
  let current: Token | null = null;
  let pending: Promise<Token> | null = null;
  const renew = async (signal: AbortSignal): Promise<Token> => {
    current = await login(credentials.authUrl, body, http, signal);
    return current;
  };
  return {
    token(signal) {
      if (current !== null && performance.now() < current.renewAt) return Promise.resolve(current);
      pending ??= renew(signal).finally(() => {
        pending = null;
      });
      return pending;
    },
    forget(token) {
      if (current === token) current = null;
    },
  };
}

/**
 * The address of a service, without a slash at its end. Pure. Throws a transient `NephoscopeError` (E8034) that names
 * what the catalogue has, since an endpoint may be registered at any time.
 */
export function findEndpoint(token: Token, choice: ServiceChoice): string {
  const named = token.catalog.filter(
    ({ type, name }) => type === choice.type && (choice.name === null || name === choice.name),
  );
  const endpoint = named
    .flatMap(({ endpoints }) => endpoints)
    .find(
      (one) => one.interface === choice.interface && (choice.region === null || one.region === choice.region),
    );
  if (endpoint !== undefined) return endpoint.url.replace(/\/+$/, '');
  const wanted = `type ${choice.type}${choice.name === null ? '' : `, name ${choice.name}`}`;
  const where = `interface ${choice.interface}${choice.region === null ? '' : `, region ${choice.region}`}`;
  const there = token.catalog.map(({ type, name }) => `${type} (${name})`).join(', ') || 'nothing';
  const message = `The catalogue of Keystone has no endpoint for ${wanted}, ${where}; it has ${there}`;
  throw new NephoscopeError('E8034', message, { retry: 'transient' });
}

async function login(url: string, body: string, http: HttpClient, signal: AbortSignal): Promise<Token> {
  const askedAt = performance.now();
  const answer = await http.request(
    {
      method: 'POST',
      url: `${url}/auth/tokens`,
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body,
    },
    signal,
  );
  if (answer.status === 201 || answer.status === 200) return readToken(answer, askedAt, url);
  const what = `${shownUrl(url)} answered ${answer.status}`;
  const refused = answer.status >= 400 && answer.status < 500 && answer.status !== 429;
  const [code, text] = refused
    ? (['E8032', `Keystone refused the login: ${what}`] as const)
    : (['E8031', `Keystone does not work: ${what}`] as const);
  // Transient even when refused: what waits must survive a password that is being changed.
  throw new NephoscopeError(code, text, { retry: 'transient' });
}

function readToken(answer: HttpAnswer, askedAt: number, url: string): Token {
  const header = answer.headers['x-subject-token'];
  const parsed = readTokenBody(answer.text);
  if (typeof header !== 'string' || parsed === null) {
    const message = `${shownUrl(url)} answered ${answer.status} without a token that can be read`;
    throw new NephoscopeError('E8033', message, { retry: 'transient' });
  }
  const lifeMillis = lifeOf(parsed);
  return {
    secret: new Secret(header),
    renewAt: askedAt + Math.max(lifeMillis - RENEW_BEFORE_MILLIS, lifeMillis * 0.75),
    catalog: list(parsed['catalog']).map(readService),
    project: readProject(parsed['project']),
  };
}

type Json = Readonly<Record<string, unknown>>;

function readTokenBody(text: string): Json | null {
  try {
    const body: unknown = JSON.parse(text);
    const token = isRecord(body) ? body['token'] : null;
    return isRecord(token) ? token : null;
  } catch {
    return null;
  }
}

/** From two times of the same clock, so ours may be wrong. */
function lifeOf(token: Json): number {
  const life = Date.parse(text(token['expires_at'])) - Date.parse(text(token['issued_at']));
  return life > 0 ? life : UNKNOWN_LIFE_MILLIS;
}

function readService(value: unknown): CatalogService {
  const service = isRecord(value) ? value : {};
  const endpoints = list(service['endpoints']).map((one) => {
    const endpoint = isRecord(one) ? one : {};
    return {
      interface: text(endpoint['interface']).replace(/URL$/, ''),
      region: text(endpoint['region_id'] ?? endpoint['region']),
      url: text(endpoint['url']),
    };
  });
  return {
    type: text(service['type']),
    name: text(service['name']),
    endpoints: endpoints.filter(({ url }) => URL.canParse(url)),
  };
}

function readProject(value: unknown): TokenProject | null {
  if (!isRecord(value)) return null;
  const domain = isRecord(value['domain']) ? text(value['domain']['name']) : '';
  return { id: text(value['id']), name: text(value['name']), domain };
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The body of a login. Source: the Identity API v3, "Authentication and token management". */
function loginRequest({ identity, scope }: KeystoneCredentials): unknown {
  return { auth: { identity: identityRequest(identity), ...scopeRequest(scope) } };
}

function identityRequest(identity: KeystoneCredentials['identity']): unknown {
  switch (identity.method) {
    case 'password': {
      const user = { ...inDomain(identity.user), password: identity.password.reveal() };
      return { methods: ['password'], password: { user } };
    }
    case 'token':
      return { methods: ['token'], token: { id: identity.token.reveal() } };
    case 'application_credential': {
      const credential = {
        ...named(identity.credential),
        ...(identity.user === null ? {} : { user: inDomain(identity.user) }),
        secret: identity.secret.reveal(),
      };
      return { methods: ['application_credential'], application_credential: credential };
    }
  }
}

function scopeRequest(scope: Scope): Readonly<Record<string, unknown>> {
  switch (scope.kind) {
    case 'project':
      return { scope: { project: inDomain(scope.project) } };
    case 'domain':
      return { scope: { domain: named(scope.domain) } };
    case 'trust':
      return { scope: { 'OS-TRUST:trust': { id: scope.id } } };
    case 'system':
      return { scope: { system: { all: true } } };
    case 'unscoped':
      return {};
  }
}

type Named = Extract<Scope, { kind: 'domain' }>['domain'];
type InDomain = Extract<Scope, { kind: 'project' }>['project'];

function named({ id, name }: Named): Readonly<Record<string, string>> {
  return id === null ? { name: name ?? '' } : { id };
}

function inDomain(thing: InDomain): Readonly<Record<string, unknown>> {
  return thing.id === null ? { ...named(thing), domain: named(thing.domain) } : named(thing);
}
