import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { Secret } from '../config/option.ts';
import {
  formatTransportUrl,
  parseTransportUrl,
  redactUrl,
  type TransportUrl,
  TransportUrlError,
} from './transport-url.ts';

/** A parsed URL with its secrets as text, for comparing. */
function plain(url: TransportUrl): unknown {
  return {
    driver: url.driver,
    hosts: url.hosts.map((host) => [host.host, host.port, host.username, host.password?.reveal() ?? null]),
    vhost: url.vhost,
    query: Object.fromEntries(url.query),
  };
}

function parsed(text: string): unknown {
  return plain(parseTransportUrl(text));
}

suite('transport URL', () => {
  test('a full URL gives host, port, login, virtual host and options', () => {
    assert.deepEqual(
      parsed('rabbit://nova:s3cret@broker-1:5673/cloud?ssl=1&heartbeat_timeout_threshold=30'),
      {
        driver: 'rabbit',
        hosts: [['broker-1', 5673, 'nova', 's3cret']],
        vhost: 'cloud',
        query: { ssl: '1', heartbeat_timeout_threshold: '30' },
      },
    );
  });

  test('several hosts have their own logins, and empty entries are passed over', () => {
    assert.deepEqual(parsed('rabbit://a:1@h1:5001,,b:2@h2,c@h3:,@h4/'), {
      driver: 'rabbit',
      hosts: [
        ['h1', 5001, 'a', '1'],
        ['h2', 5672, 'b', '2'],
        ['h3', 5672, 'c', null],
        ['h4', 5672, '', null],
      ],
      vhost: '/',
      query: {},
    });
  });

  test('all ways to write the default virtual host mean the same', () => {
    for (const url of ['rabbit://h', 'rabbit://h/', 'rabbit://h//', 'rabbit://h/%2F', 'rabbit://h?ssl=0']) {
      assert.equal(parseTransportUrl(url).vhost, '/', url);
    }
  });

  test('a slash in a virtual host may be escaped or not, further slashes belong to its name', () => {
    assert.equal(parseTransportUrl('rabbit://h/a%2Fb').vhost, 'a/b');
    assert.equal(parseTransportUrl('rabbit://h/a/b').vhost, 'a/b');
    assert.equal(parseTransportUrl('rabbit://h//a').vhost, '/a');
  });

  test('user and password are decoded, split at the first colon and the last at sign', () => {
    assert.deepEqual(parsed('rabbit://us%40er:p:w%2F%23%3f%2C@x@h/'), {
      driver: 'rabbit',
      hosts: [['h', 5672, 'us@er', 'p:w/#?,@x']],
      vhost: '/',
      query: {},
    });
  });

  test('a percent sign that begins no escape stays, and a plus is a plus', () => {
    assert.deepEqual(parsed('rabbit://u:100%sure%2+1@h/v%zz'), {
      driver: 'rabbit',
      hosts: [['h', 5672, 'u', '100%sure%2+1']],
      vhost: 'v%zz',
      query: {},
    });
  });

  test('IPv6 addresses stand in brackets', () => {
    assert.deepEqual(parsed('rabbit://u:p@[fd00::1]:5673,[::1]/'), {
      driver: 'rabbit',
      hosts: [
        ['fd00::1', 5673, 'u', 'p'],
        ['::1', 5672, null, null],
      ],
      vhost: '/',
      query: {},
    });
  });

  test('no host at all means guest on this machine', () => {
    for (const url of ['rabbit://', 'rabbit:///', 'RABBIT://,']) {
      assert.deepEqual(
        parsed(url),
        { driver: 'rabbit', hosts: [['localhost', 5672, 'guest', 'guest']], vhost: '/', query: {} },
        url,
      );
    }
  });

  test('repeated options are joined with commas and empty ones are dropped', () => {
    assert.deepEqual(
      [...parseTransportUrl('rabbit://h/?a=1&b=&a=2&c=x%26y+z&d').query],
      [
        ['a', '1,2'],
        ['c', 'x&y z'],
      ],
    );
  });

  test('a URL where only some hosts have a login is read with a warning', () => {
    assert.deepEqual(parseTransportUrl('rabbit://u:p@h1,h2/').warnings, [
      '1 of the 2 hosts of the transport URL have no login; guest is used for them',
    ]);
    assert.deepEqual(parseTransportUrl('rabbit://h1,h2/').warnings, []);
  });

  const mistakes: readonly (readonly [string, RegExp])[] = [
    ['', /does not begin with a driver/],
    ['localhost:5672', /does not begin with a driver/],
    ['rabbit:/h', /does not begin with a driver/],
    ['rabbit://u:p/w@h/', /port of host 1 is not a number/],
    ['rabbit://u:p#w@h/', /a # stands in it; inside a password write %23/],
    ['rabbit://u:p?w@h/', /port of host 1 is not a number/],
    ['rabbit://h:99999/', /port of host 1 is not a number between 1 and 65535/],
    ['rabbit://h1,h2:0/', /port of host 2/],
    ['rabbit://::1/', /neither host:port nor \[IPv6\]:port/],
    ['rabbit://[::1/', /neither host:port nor \[IPv6\]:port/],
    ['rabbit://u:%FF@h/', /the password of host 1 has escapes that are not UTF-8/],
  ];
  for (const [url, message] of mistakes) {
    test(`${JSON.stringify(url)} is refused with a clear reason`, () => {
      assert.throws(
        () => parseTransportUrl(url),
        (error) =>
          error instanceof TransportUrlError && error.code === 'E2001' && message.test(error.message),
      );
    });
  }

  test('a password is never printed, neither of a good URL nor of a bad one', () => {
    const good = 'rabbit://u:hunter2@h1:1,v:hunter2@h2/x?ssl_key_file=k';
    assert.equal(redactUrl(good), 'rabbit://u:***@h1:1,v:***@h2:5672/x');
    assert.equal(redactUrl('rabbit://u:hun/ter2@h1'), 'rabbit://***');
    assert.equal(redactUrl('hunter2'), '***');
    assert.doesNotMatch(
      inspect(parseTransportUrl(good), { depth: 9 }) + JSON.stringify(parseTransportUrl(good)),
      /hunter/,
    );
    assert.throws(
      () => parseTransportUrl('rabbit://u:hun/ter2@h1'),
      (error: Error) => !error.message.includes('hun') && !error.message.includes('ter2'),
    );
  });

  test('nothing but a TransportUrlError is ever thrown', () => {
    const fragments = fc.constantFrom(
      'rabbit://',
      '@',
      ':',
      ',',
      '/',
      '?',
      '#',
      '[',
      ']',
      '%',
      '%2F',
      '%FF',
      '=',
      '&',
      'h',
      '1',
    );
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fragments).map((list) => `rabbit://${list.join('')}`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        redactUrl(text);
        try {
          parseTransportUrl(text);
        } catch (error) {
          assert.ok(error instanceof TransportUrlError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('what is written with escapes is read back as it was', () => {
    const host = fc.record({
      host: fc.constantFrom('h', 'broker-1.example.org', '10.0.0.1', '::1', 'fd00::2'),
      port: fc.integer({ min: 1, max: 65535 }),
      username: fc.option(fc.string({ unit: 'grapheme' })),
      password: fc.string({ unit: 'grapheme' }),
    });
    const url = fc.record({
      hosts: fc.array(host, { minLength: 1, maxLength: 3 }),
      vhost: fc.string({ unit: 'grapheme', minLength: 1 }),
    });
    fc.assert(
      fc.property(url, ({ hosts, vhost }) => {
        const written = hosts.map(({ host, port, username, password }) => {
          const login =
            username === null ? '' : `${encodeURIComponent(username)}:${encodeURIComponent(password)}@`;
          return `${login}${host.includes(':') ? `[${host}]` : host}:${port}`;
        });
        const read = parseTransportUrl(`rabbit://${written.join(',')}/${encodeURIComponent(vhost)}`);
        assert.deepEqual(plain(read), {
          driver: 'rabbit',
          hosts: hosts.map((each) => [
            each.host,
            each.port,
            each.username,
            each.username === null ? null : each.password,
          ]),
          vhost,
          query: {},
        });
        assert.deepEqual(parseTransportUrl(formatTransportUrl(read)).vhost, vhost);
      }),
    );
  });

  test('the password is kept as a Secret', () => {
    assert.ok(parseTransportUrl('rabbit://u:p@h/').hosts[0]?.password instanceof Secret);
  });
});
