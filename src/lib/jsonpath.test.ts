import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FloatToken, type JsonValue } from '../model/json.ts';
import { parseExact } from './exact-json.ts';
import { type CompiledPath, compilePath, PathEvaluationError, PathSyntaxError } from './jsonpath.ts';

/** One server's story in small: mappings, lists, texts, numbers, null, odd names. */
const DOCUMENT = parseExact(`{
  "publisher_id": "compute.node-1.example",
  "payload": {
    "id": "vm-1", "host": "h1", "node": "n1", "size": 7, "ratio": 1.5, "whole": 2.0, "none": null, "empty": "",
    "off": false, "zero": 0, "a-1": "hyphen", "org.x__1__y": "dotted", "true": "quoted", "0": "digit", "text": "é😀z",
    "image_meta": {"base_image_ref": "img", "value": "v", "length": 3},
    "metrics": [
      {"name": "cpu.f", "value": 10, "unit": "MHz"}, {"name": "cpu.i", "value": 0.5, "unit": null},
      {"name": "cpu.k", "value": "20", "unit": "%"}, {"name": "other"}
    ],
    "list": [3, 1, 2], "nested": [[1, 2], [3]], "tree": {"id": "t1", "left": {"id": "t2", "left": {"id": "t3"}}}
  },
  "ctxt": {"user_id": "u", "request_id": "req-1"}
}`);

function values(path: string): readonly JsonValue[] {
  return compilePath(path).values(DOCUMENT);
}

/** Checks what each path finds in DOCUMENT; every row was measured with jsonpath-rw-ext 1.2.2. */
function finds(rows: Readonly<Record<string, readonly JsonValue[]>>): void {
  for (const [path, expected] of Object.entries(rows)) assert.deepEqual(values(path), expected, path);
}

test('a path of names finds the field with or without the root sign and with blanks between tokens', () => {
  finds({
    'payload.image_meta.base_image_ref': ['img'],
    '$.payload.image_meta.base_image_ref': ['img'],
    ' $ . payload\t. id ': ['vm-1'],
    publisher_id: ['compute.node-1.example'],
    'payload.missing': [],
    'payload.id.deeper': [],
    'payload.list.id': [],
    'payload.none': [null],
    'payload.none.deeper': [],
  });
});

test('names with other characters are quoted, a hyphen belongs to the name', () => {
  finds({
    'payload.a-1': ['hyphen'],
    "payload.'org.x__1__y'": ['dotted'],
    'payload["org.x__1__y"]': ['dotted'],
    "payload['id']": ['vm-1'],
    'payload[id]': ['vm-1'],
    "payload.'true'": ['quoted'],
    'payload."0"': ['digit'],
    "payload.'i\\d'": ['vm-1'],
  });
});

test('several names and the star select fields of mappings only', () => {
  finds({
    'payload.id,host': ['vm-1', 'h1'],
    'payload[host,id]': ['h1', 'vm-1'],
    'ctxt.*': ['u', 'req-1'],
    "ctxt['*']": ['u', 'req-1'],
    'payload.list.*': [],
  });
});

test('indexes and slices follow Python', () => {
  finds({
    'payload.list[0]': [3],
    'payload.list[-1]': [2],
    'payload.list[9]': [],
    'payload.list[*]': [3, 1, 2],
    'payload.list.[*]': [3, 1, 2],
    'payload.list[1:]': [1, 2],
    'payload.list[:2]': [3, 1],
    'payload.list[0:2]': [3, 1],
    'payload.list[-2:]': [1, 2],
    'payload.text[1]': ['😀'],
    'payload.text[-1]': ['z'],
    'payload.metrics[*].unit': ['MHz', null, '%'],
    'payload.nested[*][0]': [1, 3],
  });
});

test('a slice takes a mapping, text or integer for a list of one', () => {
  finds({
    'payload.image_meta[*].base_image_ref': ['img'],
    'payload.id[*]': ['vm-1'],
    'payload.size[1:]': [],
    'payload.off[*]': [false],
  });
});

test('an index or slice on what has none is an evaluation error', () => {
  for (const path of [
    'payload.image_meta[0]',
    'payload.size[0]',
    'payload.none[0]',
    'payload.list[-9]',
    'payload.id[-9]',
    'payload.none[*]',
    'payload.ratio[*]',
    'payload.whole[0:1]',
  ]) {
    assert.throws(() => values(path), PathEvaluationError, path);
  }
});

test('descendants come parents first, in the order of the document', () => {
  finds({
    'payload.tree..id': ['t1', 't2', 't3'],
    '$..unit': ['MHz', null, '%'],
    'payload.tree.left..id': ['t2', 't3'],
  });
  assert.deepEqual(
    compilePath('payload.tree..id')
      .matches(DOCUMENT)
      .map((match) => match.path),
    ['payload.tree.id', 'payload.tree.left.id', 'payload.tree.left.left.id'],
  );
});

test('this, parent and the root sign move within the document', () => {
  finds({
    'payload.id.`this`': ['vm-1'],
    'payload.image_meta.`parent`.id': ['vm-1'],
    'payload.image_meta.$.ctxt.user_id': ['u'],
    '`parent`': [],
  });
});

test('where binds tighter than the dot', () => {
  finds({
    'payload.tree where left': [compilePath('payload.tree').first(DOCUMENT)],
    'payload.(image_meta where base_image_ref).value': ['v'],
    'payload.image_meta where base_image_ref.value': ['v'],
    'payload.tree where right': [],
  });
});

test('a union gives left results, then right ones, and binds tighter than the dot', () => {
  finds({
    '(ctxt.user_id)|(ctxt.user)': ['u'],
    '(payload.host)|(payload.id)': ['h1', 'vm-1'],
    'ctxt.user_id|ctxt.user': [],
    'payload.(id|(image_meta.value)|nothing)': ['vm-1', 'v'],
    'payload.nested|list[0]': [[1, 2], 3],
  });
});

test('first is the first match that is not null', () => {
  assert.deepEqual(
    [
      '(payload.none)|(payload.id)',
      'payload.none',
      'payload.off',
      'payload.empty',
      'payload.metrics[1:].unit',
    ].map((path) => compilePath(path).first(DOCUMENT)),
    ['vm-1', null, false, '', '%'],
  );
});

test('arithmetic takes its right side first, whatever the signs', () => {
  finds({
    '$.payload.size - $.payload.size - 2': [2],
    '$.payload.size * 2 + 1': [21],
    '1 + $.payload.size * 2': [15],
    '2 * 3 + 4': [14],
    '$.payload.size + 3 . x': [],
  });
});

test('the meter name of identity.authenticate works as in the newest definitions and fails as in those of 19', () => {
  const document = { payload: { outcome: 'success' } };
  const newest = "$.payload.outcome.`sub(/.*/, )` + 'identity.authenticate.' + $.payload.outcome";
  const older = "$.payload.outcome - $.payload.outcome + 'identity.authenticate.' + $.payload.outcome";
  assert.deepEqual(compilePath(newest).values(document), ['identity.authenticate.success']);
  assert.deepEqual(compilePath(older).values(document), []);
});

test('beside a sign a name is text, and types Python does not calculate with give nothing', () => {
  finds({
    '$.payload.host + "_" + $.payload.node': ['h1_n1'],
    '$.payload.host + _ + $.payload.node': ['h1_n1'],
    '$.payload.host + *': ['h1*'],
    'foo + bar': ['foobar'],
    '$.payload.host - "x"': [],
    '$.payload.host + 1': [],
    '$.payload.missing + 1': [],
    '$.payload.none + 1': [],
    '$.payload.id * 2': ['vm-1vm-1'],
    '$.payload.size + 1.5': [8.5],
    '$.payload.ratio * 2': [new FloatToken(3)],
    '$.payload.size + $.payload.whole': [new FloatToken(9)],
    '$.payload.list[*] * 2': [6, 2, 4],
    '$.payload.list[*] + $.payload.list[*]': [6, 2, 4],
    '$.payload.list[*] + $.payload.nested[*]': [],
    '$.payload.list + $.payload.list': [[3, 1, 2, 3, 1, 2]],
    '$.payload.size * 9007199254740993': [63050394783186951n],
  });
});

test('a filter keeps the items of a list that satisfy all conditions', () => {
  finds({
    "payload.metrics[?name='cpu.f'].value": [10],
    "payload.metrics[?(name='cpu.f')].value": [10],
    'payload.metrics[?(name)="cpu.f"].value': [10],
    "payload.metrics[?name~'cpu'].value": [10, 0.5, '20'],
    "payload.metrics[?name~'pu'].value": [],
    'payload.metrics[?value].name': ['cpu.f', 'cpu.i', 'cpu.k'],
    'payload.metrics[?unit].name': ['cpu.f', 'cpu.i', 'cpu.k'],
    "payload.metrics[?unit!='x'].name": ['cpu.f', 'cpu.k'],
    "payload.metrics[?unit='%' & value=20].name": ['cpu.k'],
    "payload.metrics[?(unit='%') & (value=20)].name": ['cpu.k'],
    'payload.list[?@>1]': [3, 2],
    'payload.image_meta[?value].value': [],
  });
});

test('an integer or boolean literal converts by int(), other literals convert nothing', () => {
  const document = { l: [{ v: 0.5 }, { v: 12.9 }, { v: '12' }, { v: '12.5' }, { v: true }, { v: null }, {}] };
  const found = (path: string) => compilePath(path).values(document);
  assert.deepEqual(found('l[?v>0].v'), [12.9, '12', true]);
  assert.deepEqual(found('l[?v=12].v'), [12.9, '12']);
  assert.deepEqual(found('l[?v=true].v'), [true]);
  assert.deepEqual(found('l[?v!=12].v'), [0.5, true]);
  assert.deepEqual(found('l[?v=0.5].v'), [0.5]);
  assert.deepEqual(found("l[?v='12'].v"), ['12']);
});

test('a filter that compares what has no order is an evaluation error', () => {
  const document = { l: [{ v: 1, t: 'x', d: {} }] };
  for (const path of ['l[?v<a]', 'l[?t<1.5]', 'l[?t~5]', 'l[?v~a]', 'l[?d=1]', 'l[?v<1 & t<1.5]']) {
    if (path === 'l[?t~5]') assert.deepEqual(compilePath(path).values(document), [], path);
    else assert.throws(() => compilePath(path).values(document), PathEvaluationError, path);
  }
});

test('sorts give one list, by fields or by the items themselves', () => {
  const document = {
    l: [
      { a: 2, b: 'x' },
      { a: 1, b: 'y' },
      { a: 2, b: 'w' },
    ],
  };
  const found = (path: string) => compilePath(path).values(document);
  assert.deepEqual(found('l[/a]'), [
    [
      { a: 1, b: 'y' },
      { a: 2, b: 'x' },
      { a: 2, b: 'w' },
    ],
  ]);
  assert.deepEqual(found('l[\\a,/b][*].b'), ['w', 'x', 'y']);
  finds({ 'payload.list.`sorted`': [[1, 2, 3]], 'ctxt.`sorted`': [['request_id', 'user_id']] });
  for (const path of ['payload.metrics.`sorted`', 'payload.size.`sorted`', 'ctxt[/a]']) {
    assert.throws(() => values(path), PathEvaluationError, path);
  }
});

test('len counts items and code points', () => {
  finds({
    'payload.list.`len`': [3],
    'ctxt.`len`': [2],
    'payload.text.`len`': [3],
    'payload.size.`len`': [],
    'payload.none.`len`': [],
  });
});

test('split cuts as Python does and finds nothing without the segment', () => {
  finds({
    'publisher_id.`split(., 0, -1)`': ['compute'],
    'publisher_id.`split(., 1, 1)`': ['node-1.example'],
    'publisher_id.`split(., 1, -1)`': ['node-1'],
    'publisher_id.`split(., 9, -1)`': [],
    'publisher_id.`split(., 0, 0)`': ['compute.node-1.example'],
    'payload.size.`split(., 0, -1)`': [],
  });
});

test('sub replaces all matches, knows groups, and finds nothing when nothing changes', () => {
  finds({
    'publisher_id.`sub(/[aeiou]/, )`': ['cmpt.nd-1.xmpl'],
    'publisher_id.`sub(/(?P<service>\\\\w+)\\\\..*/, <\\\\g<service>>)`': ['<compute>'],
    'publisher_id.`sub(/^(c)(o)/, \\\\2\\\\1)`': ['ocmpute.node-1.example'],
    'publisher_id.`sub(/nothing/, x)`': [],
  });
  assert.throws(() => values('payload.size.`sub(/a/, b)`'), PathEvaluationError);
});

test('matches name their place, a made value has none', () => {
  const places = (path: string) =>
    compilePath(path)
      .matches(DOCUMENT)
      .map((match) => match.path);
  assert.deepEqual(places('payload.id'), ['payload.id']);
  assert.deepEqual(places('payload.metrics[*].name').slice(0, 2), [
    'payload.metrics.[0].name',
    'payload.metrics.[1].name',
  ]);
  assert.deepEqual(places('payload.metrics[?name=other].name'), ['payload.metrics.[3].name']);
  assert.deepEqual(places('payload.id.`len`'), ['']);
  assert.deepEqual(places('publisher_id.`split(., 0, -1)`'), ['']);
  assert.deepEqual(places('$.payload.size + 1'), ['']);
  assert.deepEqual(places('$'), ['$']);
});

test('an intersection keeps what both sides find at one place', () => {
  finds({ '(payload.*)&(payload.id)': ['vm-1'], '(payload.id)&(payload.host)': [] });
});

test('what cannot be a path is refused with its place', () => {
  const rows: readonly (readonly [path: string, message: RegExp, offset: number])[] = [
    ['', /Unexpected end of the path/, 0],
    ['payload.', /Unexpected end of the path/, 8],
    ['payload.0', /begins with a digit must be quoted/, 8],
    ['$.a -1', /needs blanks around it/, 4],
    ['$.a / $.b', /a division cannot be written/, 4],
    ['payload.where', /must be quoted/, 8],
    ['payload.trueish', /must be quoted/, 8],
    ['payload[a', /, \] expected/, 9],
    ["'open", /No closing '/, 0],
    ['%', /Unexpected "%"/, 0],
    ['B/s', /cannot be written/, 1],
    ['a b', /Unexpected "b"/, 2],
    ['1', /begins with a digit/, 0],
    ['..a', /Unexpected "\.\."/, 0],
    ['a.`nothing`', /Unknown operator `nothing`/, 2],
    ['a.`split(.,0,-1)`', /blanks after commas/, 2],
    ['a.`sub(/(/, x)`', /unterminated subpattern/, 2],
    ['a.`sub(/a/, \\\\1)`', /unknown group 1/, 2],
    ["l[?a~'(']", /unterminated subpattern/, 4],
    ['1.5 + 2', /Unexpected/, 6],
  ];
  for (const [path, message, offset] of rows) {
    assert.throws(
      () => compilePath(path),
      (error) => error instanceof PathSyntaxError && message.test(error.message) && error.offset === offset,
      path,
    );
  }
});

test('names of prototypes are data or nothing', () => {
  const names = ['__proto__', 'constructor', 'toString', 'length', 'value', 'hasOwnProperty', 'at'];
  const holder = parseExact(`{${names.map((name) => `"${name}": {"x": "${name}"}`).join(',')}}`);
  const others: readonly JsonValue[] = [{}, [1], 'text', 1, null, true, new FloatToken(1), 1n];
  for (const name of names) {
    assert.deepEqual(compilePath(name).first(holder), { x: name });
    assert.equal(compilePath(`${name}.x`).first(holder), name);
    assert.deepEqual(compilePath(`a.b.c.d.${name}.x`).first({ a: { b: { c: { d: holder } } } }), name);
    assert.deepEqual(compilePath(`${name}[*]`).values(holder), [{ x: name }]);
    for (const other of others) {
      assert.equal(compilePath(name).first(other), null);
      assert.deepEqual(compilePath(`${name},${name}`).values(other), []);
    }
  }
});

test('documents nested 10,000 deep are searched without exhausting the stack', () => {
  const depth = 10_000;
  const document: JsonValue = JSON.parse(`${'{"a":'.repeat(depth)}{"name":1}${'}'.repeat(depth)}`);
  const matches = compilePath('$..name').matches(document);
  assert.equal(matches.length, 1);
  assert.equal(matches[0]?.path, `${'a.'.repeat(depth)}name`);
  assert.equal(compilePath('$..*').values(document).length, depth + 1);
});

test('a path that explodes ends with an evaluation error', () => {
  const chain: JsonValue = JSON.parse(`${'{"a":'.repeat(200)}1${'}'.repeat(200)}`);
  assert.throws(() => compilePath('$..*..*..*').values(chain), PathEvaluationError);
  assert.throws(() => compilePath("'x' * 2000000").values({}), PathEvaluationError);
  assert.throws(() => compilePath('$.a * 2 * 1000000').values({ a: [1] }), PathEvaluationError);
});

test('deeply nested and endless paths are refused, long chains of steps and alternatives are not', () => {
  assert.throws(() => compilePath(`${'('.repeat(5000)}a${')'.repeat(5000)}`), PathSyntaxError);
  assert.throws(() => compilePath(`a${' + a'.repeat(5000)}`), PathSyntaxError);
  assert.throws(() => compilePath(`a${' where a'.repeat(5000)}`), PathSyntaxError);
  assert.throws(() => compilePath(`a[?${'('.repeat(5000)}b`), PathSyntaxError);
  assert.equal(compilePath(`a${'.a'.repeat(5000)}`).first({ a: 1 }), null);
  assert.equal(compilePath(`(b)${'|(b)'.repeat(5000)}|(a)`).first({ a: 1 }), 1);
});

const PIECES = [
  ...[
    'a',
    'b',
    '$',
    '@',
    '*',
    '.',
    '..',
    '|',
    '&',
    ' where ',
    '(',
    ')',
    '[',
    ']',
    '[0]',
    '[*]',
    '[1:]',
    '[?',
    '[/a]',
  ],
  ...[
    '=',
    '<',
    '~',
    '!=',
    ' + ',
    ' - ',
    ' * ',
    '/',
    ',',
    '1',
    '-1',
    '1.5',
    "'x'",
    '"',
    '`len`',
    '`parent`',
    '`this`',
  ],
  ...['`split(., 0, -1)`', '`sub(/a/, b)`', '`sorted`', 'true', ' '],
];
const pathText = fc.oneof(
  fc.string(),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => pieces.join('')),
);
const anyDocument = fc.jsonValue({ maxDepth: 4 }).map((value) => parseExact(JSON.stringify(value)));
const likelyDocument = fc.letrec<{ node: JsonValue }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constantFrom<JsonValue>(null, true, 0, 1, 1.5, new FloatToken(2), 'a.b', '12', 2n ** 60n),
    fc.array(tie('node'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'x'), tie('node'), { maxKeys: 3 }),
  ),
})).node;

function tryCompile(text: string): CompiledPath | undefined {
  try {
    return compilePath(text);
  } catch (error) {
    assert.ok(error instanceof PathSyntaxError, String(error));
    assert.ok(error.offset >= 0 && error.offset <= text.length);
    return undefined;
  }
}

test('any text compiles or is refused with a PathSyntaxError, any document evaluates or PathEvaluationError', () => {
  fc.assert(
    fc.property(pathText, fc.oneof(anyDocument, likelyDocument), (text, document) => {
      const path = tryCompile(text);
      if (path === undefined) return;
      try {
        const found = path.values(document);
        assert.deepEqual(
          path.matches(document).map((match) => match.value),
          found,
        );
        assert.deepEqual(path.first(document), found.find((value) => value !== null) ?? null);
      } catch (error) {
        assert.ok(error instanceof PathEvaluationError, String(error));
      }
    }),
    { numRuns: 3000 },
  );
});

test('a path of plain names finds what walking the document by hand finds', () => {
  const names = fc.array(fc.constantFrom('a', 'b', 'x', 'value', 'length'), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(names, likelyDocument, (path, document) => {
      let current: JsonValue | undefined = document;
      for (const name of path) {
        const isMapping: boolean =
          typeof current === 'object' &&
          current !== null &&
          !Array.isArray(current) &&
          !(current instanceof FloatToken);
        current = isMapping
          ? Object.entries(current as object).find(([key]) => key === name)?.[1]
          : undefined;
      }
      assert.deepEqual(compilePath(path.join('.')).values(document), current === undefined ? [] : [current]);
    }),
  );
});
