import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineEncoder } from './line-encoder.ts';

test('lines become the bytes of their text, however long, and each is known by its end', () => {
  const encoder = new LineEncoder();
  const line = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.integer({ min: 0, max: 400_000 }).map((n) => 'é'.repeat(n)),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
      encoder.begin();
      for (const text of lines) encoder.add(text);
      const { bytes, ends } = encoder.finish();
      assert.ok(bytes.equals(Buffer.from(lines.join(''))));
      const starts = [0, ...ends];
      assert.deepEqual(
        ends.map((end, index) => bytes.subarray(starts[index], end).toString()),
        lines.map((text) => text.toWellFormed()),
      );
    }),
    { numRuns: 30 },
  );
});
