import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
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
