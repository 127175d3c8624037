import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { readSampleId, sampleId } from '../../lib/sample-id.ts';
import { foreignDiscriminator, ownDiscriminator, storedSampleId } from './sample-identity.ts';

const micros = fc.oneof(
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  fc.integer({ min: -1_000, max: 1_000 }),
  fc.constantFrom(0, 1, 999, 1_000, Number.MAX_SAFE_INTEGER),
);

test('our own ids are made again from time and discriminator', () => {
  fc.assert(
    fc.property(micros, fc.string(), (time, part) => {
      const id = sampleId(time, part);
      const discriminator = ownDiscriminator(id, time);
      assert.equal(discriminator, readSampleId(id)?.discriminator ?? -1);
      if (discriminator >= 0) assert.equal(storedSampleId(null, time, discriminator), id);
    }),
  );
});

test('whatever differs from our form in one place, or holds another time, is foreign', () => {
  fc.assert(
    fc.property(
      micros,
      fc.nat(35),
      fc.constantFrom('A', 'g', '-', '8', 'é', '0', ' '),
      (time, place, other) => {
        const id = sampleId(time, 'x');
        assert.equal(ownDiscriminator(id, time + 1), -1);
        const changed = id.slice(0, place) + other + id.slice(place + 1);
        const read = readSampleId(changed);
        const expected = read?.timestampMicros === time ? read.discriminator : -1;
        assert.equal(ownDiscriminator(changed, time), expected);
      },
    ),
    { numRuns: 1_000 },
  );
  for (const id of ['', 'x', 'x'.repeat(36), '688c6c2e-e4b6-11f1-bd79-02fc00000001']) {
    assert.equal(ownDiscriminator(id, 0), -1);
    assert.ok(foreignDiscriminator(id) >= 0);
    assert.equal(storedSampleId(id, 0, 1), id);
  }
});
