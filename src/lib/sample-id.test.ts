import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { hash52 } from './hash.ts';
import { readSampleId, sampleDiscriminator, sampleId, sampleIdOf } from './sample-id.ts';

const MICROS = Date.UTC(2026, 0, 2, 3, 4, 5) * 1000 + 6;

test('an id has the layout it is documented with and never changes', () => {
  const id = sampleId(MICROS, 'm', 'cpu', 'vm-1');
  assert.equal(id, '019b7ca9-8c88-8006-a5e8-6becc3c19116');
  assert.equal(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16), Math.floor(MICROS / 1000));
  assert.equal(Number.parseInt(id.slice(15, 18), 16), 6);
  assert.equal(Number.parseInt(id.replaceAll('-', '').slice(19), 16), hash52('1:m3:cpu4:vm-1'));
});

test('the same measurement has the same id, another part or time another', () => {
  const ids = [
    sampleId(MICROS, 'm', 'cpu', 'vm-1'),
    sampleId(MICROS + 1, 'm', 'cpu', 'vm-1'),
    sampleId(MICROS, 'm', 'cpu', 'vm-2'),
    sampleId(MICROS, 'mcpu', 'vm-1'),
    sampleId(MICROS, 'm', 'cpuvm-1'),
    sampleId(MICROS, 'm', 'cpu', 'vm-1', ''),
    sampleId(MICROS),
  ];
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(sampleId(MICROS, 'm', 'cpu', 'vm-1'), ids[0]);
});

test('time and discriminator can be read back, and make the same id again', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.array(fc.string(), { maxLength: 4 }), (micros, parts) => {
      const id = sampleId(micros, ...parts);
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      const read = readSampleId(id);
      assert.equal(read?.timestampMicros, micros);
      assert.equal(sampleDiscriminator(id), read?.discriminator);
      assert.equal(sampleIdOf(micros, sampleDiscriminator(id)), id);
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(
      fc.maxSafeNat(),
      fc.integer({ min: 0, max: 2 ** 52 - 1 }),
      (timestampMicros, discriminator) => {
        assert.deepEqual(readSampleId(sampleIdOf(timestampMicros, discriminator)), {
          timestampMicros,
          discriminator,
        });
      },
    ),
    { numRuns: 2000 },
  );
});

test('ids sort by time', () => {
  const times = [0, 1, 999, 1000, MICROS - 1, MICROS, MICROS + 1000];
  const ids = times.map((micros) => sampleId(micros, 'x'));
  assert.deepEqual(ids.toSorted(), ids);
});

test('a time that does not fit still gives a stable UUID of version 8, which is not read back', () => {
  for (const micros of [
    -1,
    -62_135_596_800_000_000,
    253_402_300_799_000_000,
    0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ]) {
    const id = sampleId(micros, 'm');
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8fff-a5e[0-9a-f]-[0-9a-f]{12}$/);
    assert.equal(sampleId(micros, 'm'), id);
    assert.equal(readSampleId(id), undefined);
    assert.equal(sampleDiscriminator(id), hash52(id));
  }
  assert.notEqual(sampleId(-1, 'm'), sampleId(-2, 'm'));
});

test('ids of others are not taken for ours', () => {
  const id = sampleId(MICROS, 'm');
  const others = [
    ...Array.from({ length: 10_000 }, () => randomUUID()),
    '6ba7b810-9dad-11d1-80b4-00c04fd430c8',
    id.toUpperCase(),
    id.replaceAll('-', ''),
    ` ${id}`.slice(0, 36),
    `${id}\n`,
    id.replace(/-8006-/, '-83e8-'),
    id.replace(/-a5e/, '-a5f'),
    id.replace(/-8006-/, '-4006-'),
    'ffffffff-ffff-8001-a5e0-000000000000',
    '',
  ];
  for (const other of others) {
    assert.equal(readSampleId(other), undefined, other);
    assert.equal(sampleDiscriminator(other), hash52(other));
  }
});
