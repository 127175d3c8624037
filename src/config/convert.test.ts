import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { convert } from './convert.ts';
import { defineOption, type Option, type OptionType, Secret } from './option.ts';

function option(type: OptionType, more: Partial<Option> = {}): Option {
  return {
    ...defineOption({ group: 'g', name: 'o', type: 'string', default: null, doc: '', since: '1' }),
    type,
    ...more,
  };
}

describe('values of options', () => {
  const good: readonly (readonly [Option, string, unknown])[] = [
    ...['true', 'True', 'YES', 'on', '1', ' true '].map((text) => [option('boolean'), text, true] as const),
    ...['false', 'No', 'OFF', '0'].map((text) => [option('boolean'), text, false] as const),
    [option('integer'), ' 5 ', 5],
    [option('integer'), '-5', -5],
    [option('integer'), '+5', 5],
    [option('integer'), '1_000', 1000],
    [option('integer'), '-0', 0],
    [option('integer'), '', null],
    [option('float'), '1e3', 1000],
    [option('float'), '.5', 0.5],
    [option('float'), '5.', 5],
    [option('port'), '0', 0],
    [option('port'), '65535', 65535],
    [option('list'), 'a, b', ['a', 'b']],
    [option('list'), 'a, "b,c"', ['a', '"b', 'c"']],
    [option('list'), '', []],
    [option('list'), 'a,,b,,', ['a', '', 'b']],
    [option('list'), ',a', ['', 'a']],
    [option('string'), '', ''],
    [option('string', { choices: ['a', 'b'] }), 'b', 'b'],
  ];
  for (const [of, text, value] of good) {
    it(`reads ${JSON.stringify(text)} as the ${of.type} ${JSON.stringify(value)}`, () => {
      assert.deepEqual(convert(of, [text]), { ok: true, value });
    });
  }

  it('takes every text of an option that may be repeated, commas included', () => {
    assert.deepEqual(convert(option('multi'), ['a,b', '']), { ok: true, value: ['a,b', ''] });
    assert.deepEqual(convert(option('multi'), []), { ok: true, value: [] });
  });

  it('wraps secrets', () => {
    const one = convert(option('secret'), ['x']);
    assert.ok(one.ok && one.value instanceof Secret && one.value.reveal() === 'x');
    const many = convert(option('secret-multi'), ['x', 'y']);
    assert.equal(JSON.stringify(many), '{"ok":true,"value":["(secret)","(secret)"]}');
  });

  const bad: readonly (readonly [Option, string, string, RegExp])[] = [
    [option('boolean'), '2', 'E1008', /^Write true or false\.$/],
    [option('boolean'), 'true # yes', 'E1008', /comment needs a line of its own/],
    [option('boolean'), '', 'E1008', /true or false/],
    [option('integer', { unit: 'seconds' }), '5.0', 'E1008', /whole number \(seconds\) in digits/],
    [option('integer'), '0x10', 'E1008', /digits/],
    [option('integer'), '1e3', 'E1008', /digits/],
    [option('integer', { default: 1 }), '', 'E1008', /digits/],
    [option('integer', { min: 1 }), '0', 'E1009', /of at least 1/],
    [option('integer', { min: 1, max: 5 }), '6', 'E1009', /from 1 to 5/],
    [option('integer'), '99999999999999999999', 'E1009', /less digits/],
    [option('port'), '65536', 'E1009', /from 0 to 65535/],
    [option('port', { min: 1 }), '0', 'E1009', /from 1 to 65535/],
    [option('float'), 'nan', 'E1008', /number/],
    [option('float'), 'inf', 'E1008', /number/],
    [option('float', { max: 1 }), '1.5', 'E1009', /of at most 1/],
    [option('string', { choices: ['a', 'b'] }), 'c', 'E1010', /one of: a, b/],
    [option('string', { choices: ['PLAIN'] }), 'plain', 'E1010', /Write PLAIN; case counts/],
    [option('list', { choices: ['a', 'b'] }), 'a,c', 'E1010', /one of: a, b/],
  ];
  for (const [of, text, code, hint] of bad) {
    it(`refuses ${JSON.stringify(text)} as ${of.type} with ${code}`, () => {
      const converted = convert(of, [text]);
      assert.ok(!converted.ok);
      assert.equal(converted.code, code);
      assert.match(converted.hint, hint);
    });
  }
});
