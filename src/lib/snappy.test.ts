import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import fc from 'fast-check';
import { snappyDecompress } from '../../test/support/remote-write.ts';
import { snappyCompress } from './snappy.ts';

function assertRoundTrip(plain: Uint8Array): Uint8Array {
  const compressed = snappyCompress(plain);
  assert.ok(
    Buffer.from(snappyDecompress(compressed)).equals(plain),
    `${plain.length} bytes do not come back`,
  );
  return compressed;
}

test('what was compressed comes back, whatever the bytes', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 3_000 }), (plain) => void assertRoundTrip(plain)));
});

test('what was compressed comes back when it repeats itself', () => {
  const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 80 }), { minLength: 1, maxLength: 6 });
  const order = fc.array(fc.nat(), { maxLength: 400 });
  fc.assert(
    fc.property(pieces, order, (words, picks) => {
      assertRoundTrip(Buffer.concat(picks.map((pick) => words[pick % words.length] as Uint8Array)));
    }),
  );
});

test('lengths at every edge of the format come back', () => {
  for (const length of [
    0, 1, 4, 15, 16, 17, 59, 60, 61, 62, 255, 256, 257, 65_535, 65_536, 65_537, 200_000,
  ]) {
    assertRoundTrip(new Uint8Array(length));
    assertRoundTrip(randomBytes(length));
    assertRoundTrip(Buffer.alloc(length, 'resource_id'));
    const [noise] = [randomBytes(Math.ceil(length / 2))];
    assertRoundTrip(Buffer.concat([noise, noise]));
  }
});

test('copies of every length and from near and far come back', () => {
  for (let length = 4; length < 140; length++) {
    const word = randomBytes(length);
    for (const gap of [0, 5, 2_040, 2_100, 40_000]) {
      assertRoundTrip(Buffer.concat([word, randomBytes(gap), word, randomBytes(20)]));
    }
  }
});

test('repetition becomes small, and noise hardly grows', () => {
  assert.ok(assertRoundTrip(Buffer.alloc(100_000, 'project_id=abcdef')).length < 6_000);
  assert.ok(assertRoundTrip(randomBytes(100_000)).length < 100_100);
});
