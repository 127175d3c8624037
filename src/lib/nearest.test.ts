import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nearestWord } from './nearest.ts';

const OPTIONS = ['polling_interval', 'pipeline_cfg_file', 'store_raw', 'telemetry_secret', 'on', 'cpu'];

test('a mistyped word finds the one that was meant', () => {
  for (const [word, meant] of [
    ['poling_interval', 'polling_interval'],
    ['pipelien_cfg_file', 'pipeline_cfg_file'],
    ['STORE_RAW', 'store_raw'],
    ['telemetri_secrets', 'telemetry_secret'],
    ['no', 'on'],
    ['cpus', 'cpu'],
  ] as const) {
    assert.equal(nearestWord(word, OPTIONS), meant);
  }
});

test('nothing is suggested when nothing is near', () => {
  for (const word of ['workers', 'x', '', 'a'.repeat(100_000)])
    assert.equal(nearestWord(word, OPTIONS), undefined);
  assert.equal(nearestWord('cpu', []), undefined);
});

test('of equally near words the first wins, an exact one before all', () => {
  assert.equal(nearestWord('cpv', ['cpu', 'cpw']), 'cpu');
  assert.equal(nearestWord('cpw', ['cpu', 'cpw']), 'cpw');
});

test('one changed letter is always found', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z]{4,12}$/), fc.nat(), (word, seed) => {
      const index = seed % word.length;
      const wrong = `${word.slice(0, index)}#${word.slice(index + 1)}`;
      assert.equal(nearestWord(wrong, ['0123456789012345678901234', word]), word);
    }),
  );
});
