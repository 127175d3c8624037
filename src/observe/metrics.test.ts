import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Metrics } from './metrics.ts';

test('the page shows families in order of registration with help, kind, labels and values', () => {
  const metrics = new Metrics();
  const received = metrics.counter('received_total', 'Things received.', ['source', 'kind']);
  received.child('amqp', 'event').add();
  received.child('amqp', 'event').add(2);
  received.child('udp', 'sample').add(0.5);
  metrics.gauge('queue_items', 'Line one\nand \\ two').child().set(Number.POSITIVE_INFINITY);
  assert.equal(
    metrics.expose(),
    [
      '# HELP received_total Things received.',
      '# TYPE received_total counter',
      'received_total{source="amqp",kind="event"} 3',
      'received_total{source="udp",kind="sample"} 0.5',
      '# HELP queue_items Line one\\nand \\\\ two',
      '# TYPE queue_items gauge',
      'queue_items +Inf',
      '',
    ].join('\n'),
  );
});

test('a metric without labels shows zero before it is counted, one with labels shows nothing', () => {
  const metrics = new Metrics();
  metrics.counter('a_total', 'A.');
  metrics.counter('b_total', 'B.', ['x']);
  assert.equal(
    metrics.expose(),
    '# HELP a_total A.\n# TYPE a_total counter\na_total 0\n# HELP b_total B.\n# TYPE b_total counter\n',
  );
});

test('the same name gives the same metric, and another kind, labels or number of values is refused', () => {
  const metrics = new Metrics();
  const counter = metrics.counter('a_total', 'A.', ['x']);
  assert.equal(metrics.counter('a_total', 'A.', ['x']), counter);
  assert.equal(counter.child('1'), counter.child('1'));
  assert.throws(() => metrics.gauge('a_total', 'A.', ['x']), /a_total is a counter/);
  assert.throws(() => metrics.counter('a_total', 'A.', ['y']), /labels \(x\)/);
  assert.throws(() => counter.child(), /labels \(x\)/);
});

test('values are collected for each page, and one that fails hides no other', () => {
  const metrics = new Metrics();
  const gauge = metrics.gauge('a', 'A.').child();
  metrics.onCollect(() => {
    throw new Error('unreadable');
  });
  metrics.onCollect(() => gauge.add());
  metrics.expose();
  assert.match(metrics.expose(), /^a 2$/m);
});

test('the description lists every metric for the reference', () => {
  const metrics = new Metrics();
  metrics.gauge('a', 'A.', ['x']);
  assert.deepEqual(metrics.describe(), [{ name: 'a', kind: 'gauge', help: 'A.', labels: ['x'] }]);
});

test('any label value comes back from the page as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const metrics = new Metrics();
      metrics.gauge('a', 'A.', ['x']).child(value).set(1);
      const quoted = /^a\{x="((?:[^"\\\n]|\\[\\"n])*)"\} 1$/mu.exec(metrics.expose())?.[1];
      const unescaped = quoted?.replace(/\\(.)/gu, (_, character: string) =>
        character === 'n' ? '\n' : character,
      );
      assert.equal(unescaped, value);
    }),
  );
});
