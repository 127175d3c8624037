import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differences, type OwnAnswer } from './compare-answers.ts';

const answer = (body: unknown, status = 200): OwnAnswer => ({ status, type: 'application/json', body });
const compare = (own: unknown, recorded: unknown, rules: Partial<Parameters<typeof differences>[2]> = {}) =>
  differences(answer(own), answer(recorded), { ordered: true, ...rules });

test('equal answers have no differences, whatever the spelling of numbers and times', () => {
  const own = [
    { t: '2026-03-01T00:00:00', v: 1 + 1e-12, x: null, traits: [{ type: 'float', value: '1e-07' }] },
  ];
  const recorded = [
    { t: '2026-03-01T00:00:00.000000', v: 1, x: null, traits: [{ type: 'float', value: '0.0000001' }] },
  ];
  assert.deepEqual(compare(own, recorded), []);
});

test('a missing, an extra and a changed item are differences', () => {
  assert.deepEqual(compare([{ a: 1 }], [{ a: 1 }, { a: 2 }], { ordered: false }), [
    '1 items instead of 2',
    'missing: {"a":2}',
  ]);
  assert.deepEqual(compare([{ a: 1, b: null }], [{ a: 1 }]), [
    'from item 0 on:',
    'b null instead of nothing',
  ]);
  assert.deepEqual(compare([{ a: 1.001 }], [{ a: 1 }]), ['from item 0 on:', 'a 1.001 instead of 1']);
  assert.deepEqual(compare({ a: '1' }, { a: 1 }), ['a "1" instead of 1']);
});

test('order counts, except among equals', () => {
  const [first, second, third] = [
    { t: 1, n: 'a' },
    { t: 1, n: 'b' },
    { t: 2, n: 'c' },
  ];
  assert.deepEqual(compare([second, first, third], [first, second, third], { ties: ['t'] }), []);
  assert.equal(compare([first, third, second], [first, second, third], { ties: ['t'] }).length, 2);
  assert.equal(compare([second, first], [first, second]).length, 2);
  assert.deepEqual(compare([second, first], [first, second], { ordered: false }), []);
});

test('when a limit fell among equals only their number and their keys are fixed', () => {
  const rules = { ties: ['t'], cut: true };
  const recorded = [
    { t: 1, n: 'a' },
    { t: 2, n: 'b' },
  ];
  assert.deepEqual(
    compare(
      [
        { t: 1, n: 'a' },
        { t: 2, n: 'other' },
      ],
      recorded,
      rules,
    ),
    [],
  );
  assert.equal(
    compare(
      [
        { t: 1, n: 'a' },
        { t: 3, n: 'b' },
      ],
      recorded,
      rules,
    ).length,
    1,
  );
  assert.equal(
    compare(
      [
        { t: 1, n: 'x' },
        { t: 2, n: 'b' },
      ],
      recorded,
      rules,
    ).length,
    2,
  );
});

test('any so many of the recorded items are right, but no other and none twice', () => {
  assert.deepEqual(compare([{ a: 2 }], [{ a: 1 }, { a: 2 }], { any: 1 }), []);
  assert.deepEqual(compare([{ a: 3 }], [{ a: 1 }, { a: 2 }], { any: 1 }), [
    'not one of the expected: {"a":3}',
  ]);
  assert.equal(compare([{ a: 1 }, { a: 1 }], [{ a: 1 }, { a: 2 }], { any: 2 }).length, 1);
  assert.deepEqual(compare([], [{ a: 1 }], { any: 1 }), ['0 items instead of 1']);
});

test('of errors the fault counts, or only the status', () => {
  const fault = (faultstring: string) => answer({ error_message: { faultcode: 'Client', faultstring } }, 400);
  assert.deepEqual(differences(fault('a'), fault('b'), { ordered: true, text: 'free' }), []);
  assert.deepEqual(differences(fault('a'), fault('b'), { ordered: true, text: 'exact' }), [
    '"Client a" instead of "Client b"',
  ]);
  assert.equal(differences(fault('a'), answer([]), { ordered: true }).length, 1);
});

test('links are compared without host, unquoted, in any order', () => {
  const own = {
    links: [
      { rel: 'b', href: 'http://x/b%2F1' },
      { rel: 'a', href: 'http://x/a' },
    ],
  };
  assert.deepEqual(
    compare(own, {
      links: [
        { rel: 'a', href: 'http://y:1/a' },
        { rel: 'b', href: 'http://y:1/b/1' },
      ],
    }),
    [],
  );
  assert.equal(compare(own, { links: [{ rel: 'a', href: 'http://y:1/a' }] }).length, 1);
});
