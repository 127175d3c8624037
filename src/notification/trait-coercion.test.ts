import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TRAIT_TYPE } from '../model/event.ts';
import { FloatToken, type JsonValue } from '../model/json.ts';
import { CoercionError, coerceTrait, needsExactValue } from './trait-coercion.ts';

const { text, integer, float, datetime, none } = TRAIT_TYPE;

function failure(type: Parameters<typeof coerceTrait>[0], value: JsonValue): string {
  try {
    return `made ${String(coerceTrait(type, value))}`;
  } catch (error) {
    assert.ok(error instanceof CoercionError, String(error));
    return `${error.code} ${error.message}`;
  }
}

describe('a text trait', () => {
  test("is Python's text of the value", () => {
    const cases: [JsonValue, string][] = [
      ['as it is', 'as it is'],
      ['', ''],
      [true, 'True'],
      [600, '600'],
      [new FloatToken(1), '1.0'],
      [1.5, '1.5'],
      [9007199254740993n, '9007199254740993'],
      [{ a: 'b', c: [null, 1] }, "{'a': 'b', 'c': [None, 1]}"],
      [[1, 'x'], "[1, 'x']"],
      [Number.POSITIVE_INFINITY, 'inf'],
    ];
    for (const [value, expected] of cases) assert.equal(coerceTrait(text, value), expected);
  });

  test('is cut after 255 code points, never inside of one', () => {
    assert.equal(coerceTrait(text, 'x'.repeat(300)), 'x'.repeat(255));
    assert.equal(coerceTrait(text, '🏔'.repeat(300)), '🏔'.repeat(255));
    assert.equal(coerceTrait(text, '🏔'.repeat(255)), '🏔'.repeat(255));
  });

  test('shows no secret of a mapping', () => {
    assert.equal(coerceTrait(text, { auth_token: 'gAAAA', user: 'u' }), "{'user': 'u'}");
  });

  test('of no type is a text', () => {
    assert.equal(coerceTrait(none, 5), '5');
  });
});

describe('an integer trait', () => {
  test("is Python's int() of the value", () => {
    const cases: [JsonValue, number | bigint][] = [
      ['12', 12],
      [' 1_000 ', 1000],
      [12.9, 12],
      [-12.9, -12],
      [-0.5, 0],
      [new FloatToken(3), 3],
      [true, 1],
      [9007199254740993n, 9007199254740993n],
      ['9007199254740993', 9007199254740993n],
      [1e20, 100000000000000000000n],
    ];
    for (const [value, expected] of cases) assert.equal(coerceTrait(integer, value), expected);
  });

  test('cannot be made of other things', () => {
    assert.equal(failure(integer, '12.5'), 'E5013 "12.5" is no integer');
    assert.equal(failure(integer, 'twelve'), 'E5013 "twelve" is no integer');
    assert.equal(failure(integer, { a: 1 }), `E5013 "{'a': 1}" is no integer`);
    assert.equal(failure(integer, Number.POSITIVE_INFINITY), 'E5009 the number is out of range');
  });
});

describe('a float trait', () => {
  test("is Python's float() of the value", () => {
    const cases: [JsonValue, number][] = [
      ['1e3', 1000],
      [5, 5],
      [new FloatToken(2), 2],
      [false, 0],
      [9007199254740993n, 9007199254740992],
    ];
    for (const [value, expected] of cases) assert.equal(coerceTrait(float, value), expected);
  });

  test('is a finite number', () => {
    for (const value of ['inf', 'nan', '1e400', Number.NEGATIVE_INFINITY]) {
      assert.equal(failure(float, value), 'E5009 the number is out of range');
    }
    assert.equal(failure(float, 'much'), 'E5013 "much" is no number');
    assert.equal(failure(float, []), 'E5013 "[]" is no number');
  });
});

describe('a datetime trait', () => {
  test('is naive text in UTC, with a fraction only when there is one', () => {
    const cases: [string, string][] = [
      ['2026-01-02 03:04:05', '2026-01-02T03:04:05'],
      ['2026-01-02T03:04:05.000006', '2026-01-02T03:04:05.000006'],
      ['2026-01-02T03:04:05+02:00', '2026-01-02T01:04:05'],
      ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05'],
      ['2026-01-02T03:04:05.500000+0000', '2026-01-02T03:04:05.500000'],
    ];
    for (const [value, expected] of cases) assert.equal(coerceTrait(datetime, value), expected);
  });

  test('cannot be made of other things', () => {
    assert.equal(failure(datetime, 'soon'), 'E5013 "soon" is no date and time');
    assert.equal(failure(datetime, 1767323045), 'E5013 "1767323045" is no date and time');
  });
});

test('a value in a message is short and has no half characters', () => {
  assert.equal(failure(integer, 'x'.repeat(100)), `E5013 "${'x'.repeat(60)}…" is no integer`);
  assert.equal(failure(integer, `${'x'.repeat(59)}🏔`).includes('\ud83c'), false);
});

test('the exact value is needed where the plain one may read differently', () => {
  const needed: [Parameters<typeof needsExactValue>[0], JsonValue, boolean][] = [
    [text, 1, true],
    [text, 1.5, false],
    [text, true, false],
    [text, {}, true],
    [none, 1, true],
    [integer, 1, false],
    [integer, 1.5, false],
    [integer, 9007199254740992, true],
    [integer, 1e300, true],
    [float, 9007199254740992, false],
    [datetime, 5, false],
  ];
  for (const [type, value, expected] of needed)
    assert.equal(needsExactValue(type, value), expected, `${type} ${value}`);
});
