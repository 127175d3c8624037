import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hash52 } from './hash.ts';

test('the values never change, for they are stored', () => {
  assert.deepEqual(
    ['', 'a', 'nephoscope', 'ключ 😀'].map(hash52),
    [3675731286879751, 2496314189809961, 1912480371664520, 1326641199389585],
  );
});

test('values are integers below 2^52 and use the whole range', () => {
  const values = Array.from({ length: 10_000 }, (_, index) => hash52(`resource-${index}`));
  assert.ok(values.every((value) => Number.isSafeInteger(value) && value >= 0 && value < 2 ** 52));
  for (let bit = 0; bit < 52; bit += 1) {
    const share = values.filter((value) => Math.floor(value / 2 ** bit) % 2 === 1).length / values.length;
    assert.ok(share > 0.47 && share < 0.53, `bit ${bit} is set in ${share}`);
  }
});

test('similar texts do not collide, not even in the lower half', () => {
  const texts = Array.from(
    { length: 100_000 },
    (_, index) => `compute-${index % 317}:vcpu.${Math.floor(index / 317)}.time`,
  );
  const values = texts.map(hash52);
  assert.equal(new Set(values).size, texts.length);
  // 100,000 values in 2^32 places meet about once by chance.
  assert.ok(new Set(values.map((value) => value % 2 ** 32)).size > texts.length - 10);
});

test('one changed bit of the text changes about half of the bits', () => {
  let changed = 0;
  const count = 2000;
  for (let index = 0; index < count; index += 1) {
    const text = `instance-${index}-network.incoming.bytes`;
    const place = index % text.length;
    const flipped = String.fromCharCode(text.charCodeAt(place) ^ (1 << (index % 7)));
    const other = text.slice(0, place) + flipped + text.slice(place + 1);
    changed += (BigInt(hash52(text)) ^ BigInt(hash52(other))).toString(2).replaceAll('0', '').length;
  }
  assert.ok(Math.abs(changed / count / 52 - 0.5) < 0.01, `${changed / count} of 52 bits`);
});
