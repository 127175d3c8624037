import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FloatToken, type JsonObject, type JsonValue } from '../model/json.ts';
import { type FoundValue, PluginParameterError, TRAIT_PLUGINS } from './trait-plugins.ts';

function run(name: string, parameters: JsonObject, ...found: readonly (FoundValue | JsonValue)[]): unknown {
  const kind = TRAIT_PLUGINS.find((known) => known.name === name);
  assert.ok(kind !== undefined);
  return kind.create(parameters)(found.map(toFound));
}

function toFound(found: FoundValue | JsonValue): FoundValue {
  return typeof found === 'object' && found !== null && 'path' in found
    ? (found as FoundValue)
    : { path: '', value: found };
}

function refusal(name: string, parameters: JsonObject): string {
  try {
    run(name, parameters);
  } catch (error) {
    assert.ok(error instanceof PluginParameterError, String(error));
    return error.message;
  }
  assert.fail('the parameters were taken');
}

describe('split', () => {
  test('gives one segment of each value, the first one at dots unless told otherwise', () => {
    assert.deepEqual(run('split', {}, 'compute.host-1', 'a'), ['compute', 'a']);
    assert.deepEqual(run('split', { segment: 1 }, 'compute.host-1.example'), ['host-1']);
    assert.deepEqual(run('split', { segment: 1, max_split: 1 }, 'compute.host-1.example'), [
      'host-1.example',
    ]);
    assert.deepEqual(run('split', { segment: -1 }, 'a.b.c'), ['c']);
    assert.deepEqual(run('split', { separator: ', ', segment: 1 }, 'a, b'), ['b']);
    assert.deepEqual(run('split', { max_split: 0 }, 'a.b'), ['a.b']);
    assert.deepEqual(run('split', { max_split: null }, 'a.b'), ['a']);
  });

  test('gives nothing where there is no such segment', () => {
    assert.deepEqual(run('split', { segment: 1 }, 'alone', 'a.b'), [null, 'b']);
    assert.deepEqual(run('split', { segment: -3 }, 'a.b'), [null]);
  });

  test("splits Python's text of other values", () => {
    assert.deepEqual(run('split', { segment: 1 }, new FloatToken(1)), ['0']);
  });

  test('wants a separator and integers', () => {
    assert.equal(refusal('split', { separator: '' }), 'separator must be a text that is not empty');
    assert.equal(refusal('split', { segment: 'one' }), 'segment must be an integer');
    assert.equal(refusal('split', { max_split: 1.5 }), 'max_split must be an integer');
  });
});

describe('bitfield', () => {
  const flags = [
    { path: 'payload.weight', bit: 0, value: 10 },
    { path: 'payload.alive', bit: 1 },
    { path: 'payload.mode', bit: 40 },
  ];

  test('sets the bits of what was found, with the value that is asked for', () => {
    const found = [
      { path: 'payload.weight', value: 10 },
      { path: 'payload.alive', value: 'no' },
    ];
    assert.deepEqual(run('bitfield', { flags }, ...found), [3]);
    assert.deepEqual(run('bitfield', { flags }, { path: 'payload.weight', value: 11 }), [0]);
    assert.deepEqual(run('bitfield', { flags }, { path: 'payload.mode', value: 0 }), [2 ** 40]);
  });

  test('starts from its initial value and always gives a number', () => {
    assert.deepEqual(run('bitfield', { initial_bitfield: 8, flags }), [8]);
    assert.deepEqual(run('bitfield', {}), [0]);
  });

  test('keeps all bits of a large number', () => {
    assert.deepEqual(
      run('bitfield', { initial_bitfield: 1, flags: [{ path: 'a', bit: 62 }] }, { path: 'a', value: 1 }),
      [4611686018427387905n],
    );
  });

  test('compares as Python does: 1, 1.0 and True are equal', () => {
    const one = [{ path: 'a', bit: 0, value: 1 }];
    for (const value of [1, true, new FloatToken(1), 1n]) {
      assert.deepEqual(run('bitfield', { flags: one }, { path: 'a', value }), [1]);
    }
    assert.deepEqual(run('bitfield', { flags: one }, { path: 'a', value: '1' }), [0]);
  });

  test('wants flags with a path and a bit', () => {
    assert.equal(refusal('bitfield', { flags: {} }), 'flags must be a list');
    assert.equal(refusal('bitfield', { flags: [{ bit: 1 }] }), 'each flag needs a path and a bit');
    assert.equal(refusal('bitfield', { flags: [{ path: 'a' }] }), 'bit must be an integer');
    assert.equal(refusal('bitfield', { flags: [{ path: 'a', bit: 63 }] }), 'a bit must lie between 0 and 62');
    assert.equal(refusal('bitfield', { initial_bitfield: 'x' }), 'initial_bitfield must be an integer');
  });
});

describe('timedelta', () => {
  test('gives the seconds between two times, in either order, as a float', () => {
    const [start, end] = ['2026-01-02T03:04:05', '2026-01-02 03:04:06.250000'];
    assert.deepEqual(run('timedelta', {}, start, end), [1.25]);
    assert.deepEqual(run('timedelta', {}, end, start), [1.25]);
    assert.deepEqual(run('timedelta', {}, start, '2026-01-02T05:04:05+02:00'), [new FloatToken(0)]);
    assert.deepEqual(run('timedelta', {}, start, '2026-01-02T03:05:05Z'), [new FloatToken(60)]);
  });

  test('gives nothing unless there are two times', () => {
    const time = '2026-01-02T03:04:05';
    for (const found of [[], [time], [time, time, time], [time, 'soon'], [time, 5]]) {
      assert.deepEqual(run('timedelta', {}, ...found), [null]);
    }
  });
});

describe('map', () => {
  const values = { active: 1, Deleted: 2, nothing: null };

  test('looks values up and gives the default for others', () => {
    assert.deepEqual(run('map', { values }, 'active', 'deleted', 'nothing'), [1, null, null]);
    assert.deepEqual(run('map', { values, default: 9 }, 'active', 'deleted', 'nothing'), [1, 9, null]);
  });

  test('may ignore case', () => {
    const parameters = { values, case_sensitive: false };
    assert.deepEqual(run('map', parameters, 'ACTIVE', 'deleted', 'other'), [1, 2, null]);
    assert.deepEqual(run('map', { values: { STRASSE: 1 }, case_sensitive: false }, 'straße'), [1]);
  });

  test('looks numbers up by their text, as YAML keys are text here', () => {
    assert.deepEqual(run('map', { values: { 1: 'on' } }, 1, true), ['on', null]);
  });

  test('finds only what it was given', () => {
    assert.deepEqual(run('map', { values: { a: 1 } }, '__proto__', 'constructor'), [null, null]);
  });

  test('wants values', () => {
    assert.equal(refusal('map', {}), 'values must be a mapping that is not empty');
    assert.equal(refusal('map', { values: {} }), 'values must be a mapping that is not empty');
    assert.equal(refusal('map', { values: [1] }), 'values must be a mapping that is not empty');
    assert.equal(refusal('map', { values, case_sensitive: 'no' }), 'case_sensitive must be true or false');
  });
});
