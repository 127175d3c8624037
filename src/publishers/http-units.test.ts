import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { HttpError } from './http-errors.ts';
import { eachLimited, type Unit, UnitsAttempt } from './http-units.ts';

const permanent = new HttpError('E8013', 'bad');
const transient = new HttpError('E8012', 'not now', { retry: 'transient' });

function unitsOf(count: number): readonly Unit[] {
  return Array.from({ length: count }, (_, index) => ({ indexes: [index * 2, index * 2 + 1] }));
}

test('exactly the bad units are rejected, and each good one is taken once and in order', async () => {
  const positions = fc.uniqueArray(fc.nat({ max: 39 }));
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 40 }), positions, async (count, bad) => {
      const units = unitsOf(count);
      const isBad = (unit: Unit): boolean => bad.includes(units.indexOf(unit));
      const taken: Unit[] = [];
      const attempt = new UnitsAttempt(Number.POSITIVE_INFINITY, 'target');
      await attempt.send(units, async (part) => {
        if (part.some(isBad)) throw permanent;
        taken.push(...part);
      });
      assert.deepEqual(
        taken,
        units.filter((unit) => !isBad(unit)),
      );
      const rejected = units
        .filter(isBad)
        .flatMap(({ indexes }) => indexes.map((index) => ({ index, error: permanent })));
      const accepted = count * 2 - rejected.length;
      assert.deepEqual(attempt.result(count * 2), { accepted, duplicates: [], rejected });
    }),
  );
});

test('from a transient failure on nothing is sent, and all that is not settled is postponed', async () => {
  const attempt = new UnitsAttempt(Number.POSITIVE_INFINITY, 'target');
  let calls = 0;
  await attempt.send(unitsOf(1), async () => void calls++);
  await attempt.send([{ indexes: [5] }, { indexes: [3] }], async () => {
    calls++;
    throw transient;
  });
  await attempt.send([{ indexes: [2] }], async () => void calls++);
  assert.equal(calls, 2);
  assert.deepEqual(attempt.result(5), {
    accepted: 2,
    duplicates: [],
    rejected: [],
    postponed: { indexes: [2, 3, 5], error: transient },
  });
});

test('when the time for the attempt is over nothing further is begun', async () => {
  const attempt = new UnitsAttempt(performance.now() - 1, 'http://h/');
  await attempt.send(unitsOf(2), () => assert.fail('sent'));
  assert.throws(() => attempt.result(4), {
    code: 'E8011',
    retry: 'transient',
    message: 'http://h/ is too slow: the time for one attempt is over',
  });
});

test('a defect is not taken for an answer', async () => {
  const attempt = new UnitsAttempt(Number.POSITIVE_INFINITY, 'target');
  await assert.rejects(
    attempt.send(unitsOf(2), async () => {
      throw new TypeError('defect');
    }),
    TypeError,
  );
});

test('work is done for each item, so many at a time, beginning in order', async () => {
  const begun: number[] = [];
  let running = 0;
  let most = 0;
  await eachLimited([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    begun.push(item);
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
  });
  assert.deepEqual([begun, most], [[1, 2, 3, 4, 5, 6, 7], 3]);
  await eachLimited([], 3, () => assert.fail('nothing to do'));
});
