import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { NephoscopeError } from '../component/errors.ts';
import type { PublisherUrl, UrlParameter } from './publisher.ts';
import { checkPublisherUrl, parsePublisherUrl, type UrlSyntax } from './publisher-url.ts';

const TOPIC = { name: 'topic', type: 'texts', default: [], doc: '' } as const satisfies UrlParameter;
const POLICY = {
  name: 'policy',
  type: 'text',
  default: 'default',
  choices: ['default', 'drop'],
  doc: '',
} as const satisfies UrlParameter;
const MAX_BYTES = {
  name: 'max_bytes',
  type: 'integer',
  default: null,
  min: 1,
  max: 100,
  unit: 'bytes',
  doc: '',
} as const satisfies UrlParameter;
const TIMEOUT = {
  name: 'timeout',
  type: 'float',
  default: 5,
  min: 0.5,
  doc: '',
} as const satisfies UrlParameter;
const SSL = { name: 'ssl', type: 'boolean', default: false, doc: '' } as const satisfies UrlParameter;
const JSON_LINES = { name: 'json', type: 'flag', default: false, doc: '' } as const satisfies UrlParameter;

const SYNTAX: UrlSyntax = {
  form: 'test://HOST[:PORT]/PATH',
  parameters: [TOPIC, POLICY, MAX_BYTES, TIMEOUT, SSL, JSON_LINES],
};
const PASSING: UrlSyntax = { ...SYNTAX, passesQueryOn: true };

/** All of a URL, its secrets as text. */
function plain(url: PublisherUrl): unknown {
  return {
    scheme: url.scheme,
    authority: url.authority.reveal(),
    login: [url.username, url.password?.reveal() ?? null],
    address: [url.host, url.port],
    path: url.path,
    rest: url.rest,
    shown: url.shown,
    values: SYNTAX.parameters.map((parameter) => url.get(parameter)),
  };
}

const DEFAULTS = [[], 'default', null, 5, false, false];

function problemsOf(text: string, syntax = SYNTAX): readonly string[] {
  return checkPublisherUrl(text, syntax).problems.map(
    ({ severity, code, message, hint }) => `${severity} ${code} ${message}. ${hint ?? ''}`,
  );
}

suite('publisher URL', () => {
  test('a full URL gives login, address, path and values', () => {
    const text =
      'test://us%40er:p%3A%2F%C3%A9@[fe80::1]:4952/a%20b/c?topic=x&topic=y+z&policy=drop&max_bytes=7&timeout=.5&ssl=yes&json';
    assert.deepEqual(plain(parsePublisherUrl(text, SYNTAX)), {
      scheme: 'test',
      authority: 'us%40er:p%3A%2F%C3%A9@[fe80::1]:4952',
      login: ['us@er', 'p:/é'],
      address: ['fe80::1', 4952],
      path: '/a%20b/c',
      rest: [],
      shown: 'test://[fe80::1]:4952/a%20b/c',
      values: [['x', 'y z'], 'drop', 7, 0.5, true, true],
    });
  });

  test('nothing but a scheme gives the defaults', () => {
    assert.deepEqual(plain(parsePublisherUrl('test://', SYNTAX)), {
      scheme: 'test',
      authority: '',
      login: [null, null],
      address: [null, null],
      path: '',
      rest: [],
      shown: 'test://',
      values: DEFAULTS,
    });
  });

  test('several hosts are left to the publisher, and their logins are not shown', () => {
    const url = parsePublisherUrl('test://a:secret@h1:1,b:secret@h2:2/vhost', SYNTAX);
    assert.deepEqual(
      [url.host, url.port, url.username, url.password, url.authority.reveal(), url.shown],
      [null, null, null, null, 'a:secret@h1:1,b:secret@h2:2', 'test://h1:1,h2:2/vhost'],
    );
  });

  test('a password with an @ in it ends at the last one', () => {
    const url = parsePublisherUrl('test://u:p@ss@host', SYNTAX);
    assert.deepEqual([url.username, url.password?.reveal(), url.host], ['u', 'p@ss', 'host']);
  });

  test('what is no parameter is kept in order where the target takes it', () => {
    const url = parsePublisherUrl('test://h/p?a=1&topic=x&b=%26&a=2&c', PASSING);
    assert.deepEqual(url.rest, [
      ['a', '1'],
      ['b', '&'],
      ['a', '2'],
      ['c', ''],
    ]);
    assert.deepEqual(url.get(TOPIC), ['x']);
  });

  test('a parameter without a value is not given, except a flag', () => {
    const url = parsePublisherUrl('test://h?topic=&policy=&max_bytes&timeout=&ssl=&json=', SYNTAX);
    assert.deepEqual((plain(url) as { values: unknown }).values, [...DEFAULTS.slice(0, 5), true]);
  });

  test('a parameter the definition does not have gives its own default', () => {
    const other = { name: 'other', type: 'integer', default: 3, doc: '' } as const satisfies UrlParameter;
    assert.equal(parsePublisherUrl('test://', SYNTAX).get(other), 3);
  });
});

suite('mistakes in a publisher URL', () => {
  test('all of them are reported, with what is permitted', () => {
    assert.deepEqual(problemsOf('test://h?max_byte=1&policy=dorp&max_bytes=101&timeout=soon&ssl=perhaps'), [
      'warning E1116 Unknown parameter max_byte of a publisher URL has no effect. Did you mean "max_bytes"? ' +
        'Parameters are topic, policy, max_bytes, timeout, ssl, json.',
      'error E1119 The value of parameter policy is not one of the choices. Write one of: default, drop.',
      'error E1118 The value of parameter max_bytes is out of range. Write a whole number from 1 to 100 (bytes).',
      'error E1117 The value of parameter timeout is not a number. Write a number of at least 0.5.',
      'error E1117 The value of parameter ssl is not true or false. Write ssl=true or =false.',
    ]);
  });

  test('a repeated parameter counts with its last value, and is named', () => {
    assert.deepEqual(problemsOf('test://h?max_bytes=1&max_bytes=2'), [
      'warning E1116 max_bytes is given 2 times; the last one counts. Give it once.',
    ]);
    assert.equal(parsePublisherUrl('test://h?max_bytes=1&max_bytes=2', SYNTAX).get(MAX_BYTES), 2);
  });

  test('what is no URL names its form', () => {
    assert.deepEqual(problemsOf('no url'), [
      'error E1113 Bad publisher URL: it does not begin with a scheme and ://. Write test://HOST[:PORT]/PATH.',
    ]);
  });

  test('each part can be wrong', () => {
    const messages = [
      ['test://h:0', 'the port is not a number from 1 to 65535'],
      ['test://u:pass/word@h', 'the port is not a number from 1 to 65535'],
      ['test://a:b:c', 'the address is neither host:port nor [IPv6]:port'],
      ['test://[::1', 'the address is neither host:port nor [IPv6]:port'],
      ['test://h/#a', 'a # stands in it'],
      ['test://h/a b', 'a blank or control character stands in it'],
      ['test://%ff:x@h', 'the user has escapes that are not UTF-8'],
    ];
    for (const [text = '', message] of messages) {
      assert.throws(() => parsePublisherUrl(text, SYNTAX), {
        code: 'E1113',
        retry: 'permanent',
        message: `Bad publisher URL: ${message}`,
      });
    }
  });

  test('no text holds a password', () => {
    const password = 'hunter2secret';
    const texts = [
      `test://u:${password}@h:x?max_bytes=z`,
      `test://u:${password}/@h`,
      `test://u:a?${password}@h`,
      `test://u:a#${password}@h`,
      `test://u:1/${password}?${password}=${password}&max_bytes=${password}`,
      `u:${password}@h`,
    ];
    for (const text of texts.slice(0, 4)) assert.ok(!inspect(problemsOf(text)).includes(password), text);
    assert.ok(!inspect(problemsOf(texts[5] ?? '')).includes(password));
    const url = parsePublisherUrl(`test://u:${password}@h/x?topic=a`, SYNTAX);
    assert.ok(!inspect(url, { depth: 9 }).includes(password));
    assert.ok(!JSON.stringify(url).includes(password));
  });
});

test('any text is read or refused with its own error', () => {
  const pieces = fc.array(
    fc.oneof(
      fc.constantFrom(
        'test://',
        '://',
        '/',
        '?',
        '&',
        '=',
        '#',
        '@',
        ':',
        ',',
        '[',
        ']',
        '%',
        '%ff',
        '%41',
        '+',
        '\n',
      ),
      fc.constantFrom('topic', 'policy', 'max_bytes', 'json', 'timeout', '7', '1e9', '-1', 'drop'),
      fc.string(),
    ),
    { maxLength: 14 },
  );
  fc.assert(
    fc.property(pieces, fc.boolean(), (parts, passes) => {
      const syntax = passes ? PASSING : SYNTAX;
      const text = parts.join('');
      const { url, problems } = checkPublisherUrl(text, syntax);
      assert.equal(
        url === null,
        problems.some(({ severity }) => severity === 'error'),
      );
      try {
        parsePublisherUrl(text, syntax);
      } catch (thrown) {
        assert.ok(thrown instanceof NephoscopeError && url === null);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('what is encoded comes back', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.string({ unit: 'grapheme', minLength: 1 }),
      fc.integer({ min: 1, max: 65_535 }),
      (password, value, port) => {
        const encode = (text: string): string => encodeURIComponent(text);
        const text = `test://user:${encode(password)}@host:${port}/p?topic=${encode(value)}&x=${encode(value)}`;
        const url = parsePublisherUrl(text, PASSING);
        assert.deepEqual(
          [url.password?.reveal(), url.port, url.get(TOPIC), url.rest],
          [password, port, [value], [['x', value]]],
        );
      },
    ),
  );
});
