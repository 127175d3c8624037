import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseExact, stringifyExact } from '../lib/exact-json.ts';
import { FloatToken } from '../model/json.ts';
import { jsonFloat, sendableJson } from './json-numbers.ts';

test('an integral float is sent with a point', () => {
  assert.equal(
    JSON.stringify([20, 0, -0, 1.5, 1e21, 1e-7, -3].map(jsonFloat)),
    '[20.0,0.0,-0.0,1.5,1e+21,1e-7,-3.0]',
  );
});

test('floats come back as they were', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      assert.equal(JSON.parse(JSON.stringify(jsonFloat(value))), value);
    }),
  );
});

test('an exact document is sent exactly', () => {
  const text = '{"big":9007199254740993,"float":1.0,"list":[2.0,1,null],"__proto__":{"x":true}}';
  assert.equal(JSON.stringify(sendableJson(parseExact(text))), text);
  assert.equal(stringifyExact([new FloatToken(1)]), JSON.stringify(sendableJson([new FloatToken(1)])));
});
