import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { inspect } from 'node:util';
import { decode as decodeTheirs, encode as encodeTheirs } from '@msgpack/msgpack';
import fc from 'fast-check';
import { FloatToken, type JsonValue } from '../model/json.ts';
import { decodeMsgpack, encodeMsgpack, MsgpackError } from './msgpack.ts';

const text = fc.string({ unit: 'binary', maxLength: 40 });
const float = fc
  .double({ noNaN: true })
  .map((value) => (Number.isInteger(value) ? new FloatToken(value) : value));
const integer = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: -300, max: 300 }),
  fc.integer({ min: -70_000, max: 70_000 }),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
);
const document = fc.letrec<{ readonly any: JsonValue }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    text,
    float,
    integer,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(text, tie('any'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).any;

/** The value as the other library knows it: floats are plain numbers there. */
function plain(value: JsonValue): unknown {
  if (value instanceof FloatToken) return value.value;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

function refusal(bytes: Uint8Array): string {
  try {
    return `decoded ${inspect(decodeMsgpack(bytes))}`;
  } catch (thrown) {
    assert.ok(thrown instanceof MsgpackError);
    return thrown.message;
  }
}

suite('msgpack', () => {
  test('what was encoded is decoded as it was, floats and integers apart', () => {
    fc.assert(
      fc.property(document, (value) => {
        const decoded = decodeMsgpack(encodeMsgpack(value));
        // Negative zero as an integer is zero.
        assert.deepEqual(decoded, withoutNegativeZero(value));
      }),
      { numRuns: 500 },
    );
  });

  test('another library reads what is encoded here', () => {
    fc.assert(
      fc.property(document.filter(hasNoProto), (value) => {
        const theirs = decodeTheirs(encodeMsgpack(value), { useBigInt64: false, rawStrings: false });
        assert.deepEqual(approximate(theirs), approximate(plain(value)));
      }),
      { numRuns: 500 },
    );
  });

  test('what another library encodes is read here', () => {
    fc.assert(
      fc.property(document.filter(hasNoProto), (value) => {
        const ours = decodeMsgpack(encodeTheirs(plain(value), { useBigInt64: true }));
        assert.deepEqual(approximate(plain(ours)), approximate(plain(value)));
      }),
      { numRuns: 500 },
    );
  });

  test('each number has the shortest form of its kind', () => {
    const numbers = [0, 127, 128, 255, 256, 65535, 65536, 2 ** 32, -1, -32, -33, -128, -129, -32769, 1.5];
    assert.deepEqual(
      numbers.map((value) => encodeMsgpack(value).toString('hex')),
      [
        ...['00', '7f', 'cc80', 'ccff', 'cd0100', 'cdffff', 'ce00010000', 'cf0000000100000000'],
        ...['ff', 'e0', 'd0df', 'd080', 'd1ff7f', 'd2ffff7fff', 'cb3ff8000000000000'],
      ],
    );
    assert.equal(encodeMsgpack(new FloatToken(512)).toString('hex'), 'cb4080000000000000');
    assert.equal(encodeMsgpack(512).toString('hex'), 'cd0200');
  });

  test('texts of older senders, bytes and short floats are read', () => {
    const read = (hex: string): JsonValue => decodeMsgpack(Buffer.from(hex, 'hex'));
    assert.deepEqual(read('da0002c3a9'), 'é');
    assert.deepEqual(read('c402c3a9'), 'é');
    assert.deepEqual(read('81c4016101'), { a: 1 });
    assert.deepEqual(read('ca3f800000'), new FloatToken(1));
    assert.deepEqual(read('a3efbfbd'), '\ufffd');
  });

  test('an integer beyond 64 bits cannot be encoded, an integral number beyond 2^53 keeps the digits it prints', () => {
    assert.throws(() => encodeMsgpack({ a: 2n ** 64n }), MsgpackError);
    assert.throws(() => encodeMsgpack(1e20), MsgpackError);
    assert.deepEqual(decodeMsgpack(encodeMsgpack(2 ** 60)), BigInt(`${2 ** 60}`));
    assert.deepEqual(decodeMsgpack(encodeMsgpack(1e21)), new FloatToken(1e21));
  });

  test('a large document is encoded whole', () => {
    const numbers = (length: number): readonly number[] => Array.from({ length }, (_, index) => index);
    const mapping = (length: number): JsonValue =>
      Object.fromEntries(numbers(length).map((index) => [`k${index}`, index]));
    const value = {
      texts: [31, 32, 255, 256, 65_535, 65_536].map((length) => 'x'.repeat(length)),
      wide: 'é'.repeat(70_000),
      lists: [15, 16, 65_535, 65_536].map(numbers),
      mappings: [15, 16, 65_535, 65_536].map(mapping),
    };
    assert.deepEqual(decodeMsgpack(encodeMsgpack(value)), value);
  });

  test('what is no document is refused, with the byte', () => {
    const refusals = [
      '',
      'c1',
      'c70100',
      'd40100',
      '0101',
      'a2c3',
      'a1ff',
      '9101ff',
      '810101',
      'dd7fffffff',
      'df7fffffff',
      'cf00',
    ];
    assert.deepEqual(
      refusals.map((hex) => refusal(Buffer.from(hex, 'hex'))),
      [
        'Document without end (byte 0)',
        'Type 0xc1 has no meaning here (byte 0)',
        'Type 0xc7 has no meaning here (byte 0)',
        'Type 0xd4 has no meaning here (byte 0)',
        'Bytes after the end of the document (byte 1)',
        'Document without end (byte 2)',
        'Text that is not UTF-8 (byte 1)',
        'Bytes after the end of the document (byte 2)',
        'Key that is no text (byte 1)',
        'Document without end (byte 5)',
        'Document without end (byte 5)',
        'Document without end (byte 2)',
      ],
    );
  });

  test('nesting without end is refused in both directions', () => {
    assert.equal(refusal(Buffer.alloc(60_000, 0x91)), 'Nested deeper than 512 levels (byte 512)');
    let deep: JsonValue = 1;
    for (let level = 0; level < 513; level += 1) deep = [deep];
    assert.throws(() => encodeMsgpack(deep), MsgpackError);
  });

  test('a key of a prototype is data', () => {
    const value = decodeMsgpack(Buffer.from('81a95f5f70726f746f5f5f01', 'hex'));
    assert.deepEqual(Object.entries(value as object), [['__proto__', 1]]);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
  });

  test('random and damaged bytes give a value or its own error', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        document,
        fc.nat(),
        fc.nat(255),
        (bytes, value, at, byte) => {
          const damaged = encodeMsgpack(value);
          damaged[at % damaged.length] = byte;
          for (const each of [bytes, damaged, damaged.subarray(0, at % damaged.length)]) refusal(each);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

function hasNoProto(value: JsonValue): boolean {
  return !JSON.stringify(plainText(value)).includes('__proto__');
}

function plainText(value: JsonValue): unknown {
  return JSON.parse(
    JSON.stringify(plain(value), (_, item) => (typeof item === 'bigint' ? String(item) : item)),
  );
}

/** Numbers as far as a float tells them. */
function approximate(value: unknown): unknown {
  if (typeof value === 'bigint' || typeof value === 'number') return Number(value) + 0;
  if (Array.isArray(value)) return value.map(approximate);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, approximate(item)]));
}

function withoutNegativeZero(value: JsonValue): JsonValue {
  if (value === 0) return 0;
  if (Array.isArray(value)) return value.map(withoutNegativeZero);
  if (typeof value !== 'object' || value === null || value instanceof FloatToken) return value;
  const copy: Record<string, JsonValue> = {};
  for (const [key, item] of Object.entries(value)) {
    Object.defineProperty(copy, key, {
      value: withoutNegativeZero(item),
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return copy;
}
