import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isSecretName, redactLine } from './redact.ts';

describe('what is overwritten in a line', () => {
  const table: readonly (readonly [string, string])[] = [
    [
      'transport_url = rabbit://ceilometer:s3cr@t@host:5672/',
      'transport_url = rabbit://ceilometer:******@host:5672/',
    ],
    ['    - amqp://u:p@h/a?x=1', '    - amqp://u:*@h/a?x=1'],
    ['rabbit://a:b@h1,c:d@h2', 'rabbit://a:********@h2'],
    ['rabbit://a:b/c,d@h1/v', 'rabbit://a:*****@h1/v'],
    ['password = two words, and more', 'password = *******************'],
    ['  telemetry_secret: x', '  telemetry_secret: *'],
    ['- {name: a, password: "b c", unit: d}', '- {name: a, password: *****, unit: d}'],
    ['x: http://h/?user=a&token=b&c=d', 'x: http://h/?user=a&token=*&c=d'],
    ['x: http://h/?token=b', 'x: http://h/?token=*'],
    ['a: "b, password=c d"', 'a: "b, password=* d"'],
    ['{"admin_password": "b c", "x": 1}', '{"admin_password": *****, "x": 1}'],
    ['the token was lost: sorry', 'the token was lost: sorry'],
    ['secret_key: "unclosed', 'secret_key: *********'],
    ['name: cpu_sink', 'name: cpu_sink'],
    ['passing: everything', 'passing: everything'],
    ['', ''],
  ];
  for (const [line, expected] of table) {
    it(`prints ${JSON.stringify(expected)}`, () => assert.equal(redactLine(line), expected));
  }

  it('keeps the length of every line', () => {
    for (const [line] of table) assert.equal(redactLine(line).length, line.length);
  });
});

describe('any line', () => {
  it('loses every password behind its name or in a URL', () => {
    const password = fc.stringMatching(/^[A-Za-z0-9@:!%$?]{6,12}$/).map((text) => `S3${text}x`);
    const noise = fc.string({ unit: fc.constantFrom('a', ' ', '=', ':', ',', '{', '-', '.'), maxLength: 20 });
    fc.assert(
      fc.property(noise, password, (before, secret) => {
        for (const line of [`${before} my_password = ${secret}`, `${before} amqp://u:${secret}@h/v`]) {
          assert.ok(!redactLine(line).includes(secret), redactLine(line));
        }
      }),
    );
  });

  it('takes time in proportion to its length', () => {
    const hostile = ['-', 'a ', ' ', 'a:', 'a://b:', 'key=', '"', 'a="'].map(
      (piece) => `key${piece.repeat(200_000)}`,
    );
    for (const line of hostile) assert.equal(redactLine(line).length, line.length);
  });
});

describe('names of secrets', () => {
  it('knows the options that hold one', () => {
    const names = [
      'password',
      'admin_password',
      'telemetry_secret',
      'secret_key',
      'access_key',
      'auth_token',
      'api_key',
    ];
    assert.deepEqual(
      names.filter((name) => !isSecretName(name)),
      [],
    );
  });

  it('leaves other names alone', () => {
    const names = ['keyfile', 'ssl_key_file', 'backend_url', 'name', 'passive', 'monkey'];
    assert.deepEqual(names.filter(isSecretName), []);
  });
});
