import type { ErrorCode } from '../component/error-codes.ts';
import { NephoscopeError } from '../component/errors.ts';
import { Secret } from '../config/option.ts';
import { nearestWord } from '../lib/nearest.ts';
import type {
  PublisherDefinition,
  PublisherUrl,
  UrlParameter,
  UrlParameterType,
  UrlParameterValues,
} from './publisher.ts';
import { convertParameter } from './publisher-url-values.ts';

/** One thing that is wrong with a publisher's URL. The texts name parameters and permitted values, never passwords. */
export interface UrlProblem {
  readonly severity: 'error' | 'warning';
  readonly code: ErrorCode;
  readonly message: string;
  /** Absent: the hint of the code. */
  readonly hint?: string;
}

/** What reading a URL needs to know of a definition. */
export type UrlSyntax = Pick<PublisherDefinition, 'form' | 'parameters' | 'passesQueryOn'>;

/**
 * Takes a publisher's URL apart and checks it against `syntax`: `scheme://[user[:password]@]host[:port]/path?query`.
 * User, password, names and values of the query are percent-decoded, `+` in the query is a blank; authority and path stay as they
 * were written. A parameter without a value counts as not given, except a flag; of a repeated one the last counts.
 *
 * All mistakes are reported at once; `url` is null if and only if one of them is an error. An unknown parameter is a
 * warning: the original takes it silently, so files with one must load. Pure; never throws.
 */
export function checkPublisherUrl(
  text: string,
  syntax: UrlSyntax,
): { readonly url: PublisherUrl | null; readonly problems: readonly UrlProblem[] } {
  const problems: UrlProblem[] = [];
  const report = (problem: UrlProblem): void => void problems.push(problem);
  const parts = splitUrl(text, syntax, report);
  if (parts === null) return { url: null, problems };
  const authority = readAuthority(parts.authority, report);
  const query = readQuery(parts.query, syntax, report);
  if (problems.some(({ severity }) => severity === 'error')) return { url: null, problems };
  const { scheme, path } = parts;
  const url: PublisherUrl = {
    scheme,
    authority: new Secret(parts.authority),
    ...authority,
    path,
    rest: query.rest,
    shown: `${scheme}://${parts.authority.split(',').map(withoutLogin).join(',')}${path}`,
    get: (parameter) => lookUp(parameter, query.values),
  };
  return { url: Object.freeze(url), problems };
}

/** As `checkPublisherUrl`; throws a permanent `NephoscopeError` with the first error. */
export function parsePublisherUrl(text: string, syntax: UrlSyntax): PublisherUrl {
  const { url, problems } = checkPublisherUrl(text, syntax);
  if (url !== null) return url;
  const { code, message, hint } = problems.find(({ severity }) => severity === 'error') as UrlProblem;
  throw new NephoscopeError(code, message, hint === undefined ? {} : { hint });
}

type Report = (problem: UrlProblem) => void;
type Values = ReadonlyMap<string, UrlParameterValues[UrlParameterType]>;

interface UrlParts {
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  readonly query: string;
}

function splitUrl(text: string, { form }: UrlSyntax, report: Report): UrlParts | null {
  const parts = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(#)?/is.exec(text.trim());
  const bad = (message: string, hint: string): null => {
    report({ severity: 'error', code: 'E1113', message: `Bad publisher URL: ${message}`, hint });
    return null;
  };
  if (parts === null) return bad('it does not begin with a scheme and ://', `Write ${form}.`);
  const [, scheme = '', authority = '', path = '', query = '', hash] = parts;
  if (hash !== undefined) return bad('a # stands in it', 'Write %23 for a # in a password or a value.');
  if (/[\s\u0000-\u001f\u007f]/.test(authority + path))
    return bad('a blank or control character stands in it', 'Write %20 for a blank in a password.');
  return { scheme, authority, path, query };
}

interface Authority {
  readonly username: string | null;
  readonly password: Secret | null;
  readonly host: string | null;
  readonly port: number | null;
}

/** Several hosts have several logins, if any: who takes such a URL reads `authority` itself. */
function readAuthority(authority: string, report: Report): Authority {
  const none: Authority = { username: null, password: null, host: null, port: null };
  if (authority === '' || authority.includes(',')) return none;
  const at = authority.lastIndexOf('@');
  const login = at < 0 ? null : authority.slice(0, at);
  const colon = login?.indexOf(':') ?? -1;
  const username = login === null || colon < 0 ? login : login.slice(0, colon);
  const password = login === null || colon < 0 ? null : login.slice(colon + 1);
  return {
    ...readAddress(authority.slice(at + 1), report),
    username: username === null ? null : percentDecode(username, 'the user', report),
    password: password === null ? null : new Secret(percentDecode(password, 'the password', report)),
  };
}

function readAddress(address: string, report: Report): Pick<Authority, 'host' | 'port'> {
  const parts =
    /^\[([0-9a-f:.%]+)\](?::(.*))?$/is.exec(address) ?? /^([^:[\]]*)(?::([^:]*))?$/s.exec(address);
  if (parts === null) {
    const message = 'Bad publisher URL: the address is neither host:port nor [IPv6]:port';
    report({ severity: 'error', code: 'E1113', message, hint: PASSWORD_HINT });
    return { host: null, port: null };
  }
  const [, host = '', port = ''] = parts;
  return { host: host === '' ? null : host, port: port === '' ? null : readPort(port, report) };
}

const PASSWORD_HINT = 'Inside a password write %3A %2F %40 %2C %3F %23 for : / @ , ? #.';

function readPort(text: string, report: Report): number | null {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  // What stands there may be the rest of a password with an unencoded / in it, so it is not repeated.
  const message = 'Bad publisher URL: the port is not a number from 1 to 65535';
  report({ severity: 'error', code: 'E1113', message, hint: PASSWORD_HINT });
  return null;
}

interface Query {
  readonly values: Values;
  readonly rest: readonly (readonly [name: string, value: string])[];
}

function readQuery(text: string, syntax: UrlSyntax, report: Report): Query {
  const given = new Map<string, string[]>();
  const rest: [string, string][] = [];
  const known = new Map(syntax.parameters.map((parameter) => [parameter.name, parameter]));
  for (const [name, value] of splitQuery(text, report)) {
    const texts = given.get(name);
    if (texts !== undefined) texts.push(value);
    else if (known.has(name)) given.set(name, [value]);
    else if (syntax.passesQueryOn === true) rest.push([name, value]);
    else report(unknownParameter(name, [...known.keys()]));
  }
  const values = new Map<string, UrlParameterValues[UrlParameterType]>();
  for (const [name, texts] of given) {
    const value = readParameter(known.get(name) as UrlParameter, texts, report);
    if (value !== undefined) values.set(name, value);
  }
  return { values, rest };
}

function splitQuery(text: string, report: Report): readonly (readonly [name: string, value: string])[] {
  return text
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      const name = equals < 0 ? pair : pair.slice(0, equals);
      const value = equals < 0 ? '' : pair.slice(equals + 1);
      return [
        percentDecode(name.replaceAll('+', ' '), 'the name of a parameter', report),
        percentDecode(value.replaceAll('+', ' '), 'the value of a parameter', report),
      ];
    });
}

function readParameter(
  parameter: UrlParameter,
  texts: readonly string[],
  report: Report,
): UrlParameterValues[UrlParameterType] | undefined {
  const filled = parameter.type === 'flag' ? texts : texts.filter((text) => text !== '');
  if (filled.length === 0) return undefined;
  if (new Set(filled).size > 1 && parameter.type !== 'texts' && parameter.type !== 'flag') {
    const message = `${parameter.name} is given ${filled.length} times; the last one counts`;
    report({ severity: 'warning', code: 'E1116', message, hint: 'Give it once.' });
  }
  const converted = convertParameter(parameter, filled);
  if (converted.ok) return converted.value;
  report({ severity: 'error', code: converted.code, message: converted.message, hint: converted.hint });
  return undefined;
}

function unknownParameter(name: string, known: readonly string[]): UrlProblem {
  const near = nearestWord(name, known);
  // Where the password holds an unencoded ?, the rest of it stands here: only what looks like a name is repeated.
  const shown = /^[A-Za-z][\w.-]{0,63}$/.test(name) ? `parameter ${name}` : 'parameter';
  return {
    severity: 'warning',
    code: 'E1116',
    message: `Unknown ${shown} of a publisher URL has no effect`,
    hint: `${near === undefined ? '' : `Did you mean "${near}"? `}Parameters are ${known.join(', ')}.`,
  };
}

function lookUp<Type extends UrlParameterType, Default extends UrlParameterValues[Type] | null>(
  parameter: UrlParameter<Type, Default>,
  values: Values,
): Default extends null ? UrlParameterValues[Type] | null : UrlParameterValues[Type] {
  const value = values.get(parameter.name) ?? parameter.default;
  return value as Default extends null ? UrlParameterValues[Type] | null : UrlParameterValues[Type];
}

function withoutLogin(authority: string): string {
  return authority.slice(authority.lastIndexOf('@') + 1);
}

/** As Python's unquote: `%` not followed by two hexadecimal digits stays as it is. */
function percentDecode(text: string, what: string, report: Report): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      const message = `Bad publisher URL: ${what} has escapes that are not UTF-8`;
      report({ severity: 'error', code: 'E1113', message, hint: 'Write %C3%A9 for é, as in UTF-8.' });
      return escapes;
    }
  });
}
