import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { fieldsOf } from '../../test/support/remote-write.ts';
import { ProtobufWriter } from './protobuf.ts';

function written(write: (writer: ProtobufWriter) => void): Uint8Array {
  const writer = new ProtobufWriter(16);
  write(writer);
  return writer.result();
}

test('an integer has the bytes of the format, negative ones ten', () => {
  assert.deepEqual([...written((writer) => writer.int64(1, 150))], [0x08, 0x96, 0x01]);
  assert.deepEqual(
    [...written((writer) => writer.int64(1, -2))],
    [0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  );
  assert.throws(() => written((writer) => writer.int64(1, 2 ** 53)), RangeError);
});

test('fields of every kind come back in order', () => {
  const field = fc.integer({ min: 1, max: 5_000 });
  const entry = fc.oneof(
    fc.tuple(field, fc.string({ unit: 'grapheme', maxLength: 300 })),
    fc.tuple(field, fc.double()),
    fc.tuple(field, fc.maxSafeInteger().map(BigInt)),
  );
  fc.assert(
    fc.property(fc.array(entry), (entries) => {
      const bytes = written((writer) => {
        for (const [number, value] of entries) {
          if (typeof value === 'string') writer.string(number, value);
          else if (typeof value === 'bigint') writer.int64(number, Number(value));
          else writer.double(number, value);
        }
      });
      const read = fieldsOf(bytes).map(([number, value]) => {
        if (value instanceof Uint8Array) return [number, Buffer.from(value).toString()];
        return [number, typeof value === 'bigint' ? BigInt.asIntN(64, value) : value];
      });
      assert.deepEqual(read, entries);
    }),
  );
});

test('messages in messages keep their lengths, short and long', () => {
  for (const length of [0, 1, 100, 125, 126, 127, 128, 16_380, 16_384, 70_000]) {
    const text = 'x'.repeat(length);
    const bytes = written((writer) => {
      writer.message(1, () => {
        writer.message(2, () => writer.string(3, text));
        writer.int64(4, 7);
      });
      writer.int64(5, 8);
    });
    const [[, outer] = [], after] = fieldsOf(bytes);
    const [[, inner] = [], seven] = fieldsOf(outer as Uint8Array);
    assert.deepEqual(after, [5, 8n]);
    assert.deepEqual(seven, [4, 7n]);
    assert.deepEqual(
      fieldsOf(inner as Uint8Array),
      [[3, new Uint8Array(Buffer.from(text))]].map(([n, v]) => [n, Buffer.from(v as Uint8Array)]),
    );
  }
});
