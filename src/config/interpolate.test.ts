// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are written so
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { interpolate } from './interpolate.ts';

const known: Readonly<Record<string, string>> = { base: 'B', 'g.only': 'o', num_1: '5', dollar: '$base' };
const resolve = (name: string) => known[name] ?? null;

describe('substitution as oslo.config does it', () => {
  const table: readonly (readonly [string, string, readonly string[]])[] = [
    ['$base', 'B', []],
    ['${base}x', 'Bx', []],
    ['a$base-b', 'aB-b', []],
    ['$g.only/${g.only}', 'o/o', []],
    ['$base$num_1', 'B5', []],
    ['$', '$', []],
    ['$$', '$', []],
    ['$$base', '$base', []],
    ['\\$base', '$base', []],
    ['$1 ${ base } ${', '$1 ${ base } ${', []],
    ['%(base)s', '%(base)s', []],
    ['$dollar', '$base', []],
    ['$none $base.x', '$none $base.x', ['none', 'base.x']],
    ['$Base', '$Base', ['Base']],
    ['$base.', '$base.', ['base.']],
  ];
  for (const [text, expected, unknown] of table) {
    it(`makes ${expected} of ${text}`, () => {
      assert.deepEqual(interpolate(text, resolve), { text: expected, unknown });
    });
  }

  it('leaves any text with doubled dollar signs as it was', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const escaped = text.replaceAll('\\', '/').replaceAll('$', '$$$$');
        assert.equal(interpolate(escaped, resolve).text, text.replaceAll('\\', '/'));
      }),
    );
  });
});
