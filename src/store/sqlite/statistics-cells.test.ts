import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { StatisticsCells } from './statistics-cells.ts';

const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), {
  minLength: 1,
});

function filled(cells: StatisticsCells, list: readonly number[]): number {
  const cell = cells.create(0, 0);
  list.forEach((value, index) => {
    cells.add(cell, index, value);
    cells.addDistinct(cell, 0, value);
  });
  return cell;
}

test('two cells merged are as one cell filled with both', () => {
  fc.assert(
    fc.property(values, values, (left, right) => {
      const cells = new StatisticsCells(true, 1);
      const [a, b, both] = [filled(cells, left), filled(cells, right), filled(cells, [...left, ...right])];
      cells.merge(a, b);
      for (const column of [cells.count, cells.min, cells.max]) assert.equal(column[a], column[both]);
      assert.equal(cells.cardinality(a, 0), cells.cardinality(both, 0));
      const near = (x: number, y: number): void =>
        assert.ok(Math.abs(x - y) <= 1e-6 * (1 + Math.abs(y)), `${x} ${y}`);
      near(cells.sum(a), cells.sum(both));
      near(cells.standardDeviation(a), cells.standardDeviation(both));
    }),
  );
});

test('cells beyond the first block of memory keep what the others have', () => {
  const cells = new StatisticsCells(true, 0);
  for (let index = 0; index < 1_000; index += 1) cells.add(cells.create(index, -index), index, index);
  assert.deepEqual(
    [63, 64, 999].map((cell) => [cells.bucket[cell], cells.group[cell], cells.sum(cell), cells.count[cell]]),
    [
      [63, -63, 63, 1],
      [64, -64, 64, 1],
      [999, -999, 999, 1],
    ],
  );
});

test('a sum beyond the range of floats is infinite, not undefined', () => {
  const cells = new StatisticsCells(false, 0);
  assert.equal(cells.sum(filled(cells, [1e308, 1e308, 5])), Number.POSITIVE_INFINITY);
});
