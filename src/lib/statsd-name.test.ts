import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readStatsdIdentity, statsdTagsKey } from './statsd-name.ts';

test('names are cleaned as the reference daemon cleans them', () => {
  assert.deepEqual(readStatsdIdentity('swift/proxy  GET.2xx{%}é', ''), {
    name: 'swift-proxy_GET.2xx',
    tags: [],
  });
  assert.equal(readStatsdIdentity('{%}', ''), null);
});

test('tags are read in the dialects of DogStatsD, Graphite, Influx, Librato and SignalFx', () => {
  const wanted = {
    name: 'api.time',
    tags: [
      ['host', 'h1'],
      ['region', 'r1'],
    ],
  };
  assert.deepEqual(readStatsdIdentity('api.time', 'region:r1,host:h1'), wanted);
  assert.deepEqual(readStatsdIdentity('api.time;region=r1;host=h1', ''), wanted);
  assert.deepEqual(readStatsdIdentity('api.time,region=r1,host=h1', ''), wanted);
  assert.deepEqual(readStatsdIdentity('api.time#region=r1,host=h1', ''), wanted);
  assert.deepEqual(readStatsdIdentity('api[region=r1,host=h1].time', ''), wanted);
  assert.deepEqual(readStatsdIdentity('api.time;region=r1', 'host:h1'), wanted);
});

test('a mark that begins no tags is a letter no name has', () => {
  assert.deepEqual(readStatsdIdentity('a,b;c#d[e]f', ''), { name: 'abcdef', tags: [] });
  assert.deepEqual(readStatsdIdentity('a,k=v,bare', ''), { name: 'akvbare', tags: [] });
  assert.deepEqual(readStatsdIdentity('a[k=v', ''), { name: 'akv', tags: [] });
});

test('a tag without value is true, a value may hold colons, and of equal tags the last one counts', () => {
  assert.deepEqual(readStatsdIdentity('a', 'canary,,url:http://x:1/,env:a,env:b,:odd,empty:')?.tags, [
    [':odd', true],
    ['canary', true],
    ['empty', ''],
    ['env', 'b'],
    ['url', 'http://x:1/'],
  ]);
});

test('the key of tags tells different tags apart and is the same for the same ones in any order', () => {
  const key = (tags: string): string => statsdTagsKey(readStatsdIdentity('a', tags)?.tags ?? []);
  assert.equal(key('a:1,b:2'), key('b:2,a:1'));
  assert.notEqual(key('a:1,b'), key('a:1,b:true'));
  assert.equal(key(''), '');
});

test('any text gives a clean name or none', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (name, tags) => {
      const identity = readStatsdIdentity(name, tags);
      if (identity !== null) assert.match(identity.name, /^[A-Za-z0-9_.-]+$/);
    }),
  );
});
