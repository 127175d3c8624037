import assert from 'node:assert/strict';
import test from 'node:test';
import { checkExpandOnly } from './expand-check.ts';
import { MIGRATIONS } from './migrations.ts';

test('every released expand step only adds', () => {
  for (const step of MIGRATIONS) {
    if (step.kind === 'expand') assert.deepEqual(checkExpandOnly(step.sql), [], step.name);
  }
  assert.deepEqual(
    MIGRATIONS.map(({ version }) => version),
    MIGRATIONS.map((_, index) => index + 1),
  );
});

test('what adds is taken', () => {
  const fine = [
    'CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT NOT NULL UNIQUE) STRICT; CREATE UNIQUE INDEX i ON a (x);',
    'CREATE INDEX j ON sample (ts)',
    'ALTER TABLE sample ADD COLUMN x TEXT',
    'alter table sample add x INTEGER NOT NULL DEFAULT 0',
    "INSERT INTO state VALUES ('DROP TABLE sample; --', 1); -- DROP TABLE sample",
    'UPDATE sample /* RENAME */ SET x = 1',
    '',
  ];
  for (const sql of fine) assert.deepEqual(checkExpandOnly(sql), [], sql);
});

test('what an older program cannot live with is refused', () => {
  const bad: readonly (readonly [string, RegExp])[] = [
    ['DROP TABLE sample', /not known to add only/],
    ['drop index j', /not known to add only/],
    ['ALTER TABLE sample DROP COLUMN volume', /only ADD COLUMN adds/],
    ['ALTER TABLE sample RENAME TO samples', /only ADD COLUMN adds/],
    ['ALTER TABLE sample RENAME COLUMN ts TO time', /only ADD COLUMN adds/],
    ['ALTER TABLE sample ALTER COLUMN ts TYPE TEXT', /only ADD COLUMN adds/],
    ['ALTER TABLE sample ADD COLUMN x TEXT NOT NULL', /NOT NULL without a default/],
    ['ALTER TABLE sample ADD COLUMN x TEXT NOT NULL DEFAULT NULL', /NOT NULL without a default/],
    ['ALTER TABLE sample ADD COLUMN x INTEGER REFERENCES meter (id)', /a constraint/],
    ['CREATE UNIQUE INDEX k ON "sample" (ts)', /not unique/],
    ['CREATE TRIGGER t AFTER INSERT ON sample BEGIN SELECT 1; END', /not known to add only/],
    ['DELETE FROM sample', /not known to add only/],
    ['PRAGMA user_version = 2', /not known to add only/],
  ];
  for (const [sql, reason] of bad) assert.match(checkExpandOnly(sql)[0] ?? 'nothing found', reason, sql);
});

test('all problems of a step are found at once', () => {
  assert.equal(checkExpandOnly('DROP TABLE a; CREATE TABLE b (x); DROP TABLE c').length, 2);
});
