import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { NephoscopeError } from '../component/errors.ts';
import { parseExact, stringifyExact } from '../lib/exact-json.ts';
import { pythonFloatText } from '../lib/python-text.ts';
import { FloatToken, isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import { hasValidSignature, signMessage } from './message-signature.ts';
import { signatureText } from './signature-text.ts';

/** Messages whose text and signature were taken from the original (ceilometer 19.0.0 under Python 3.11). */
const VECTORS = [
  {
    secret: 'not-so-secret',
    message:
      '{"source":"openstack","counter_name":"cpu","counter_type":"cumulative","counter_unit":"ns","counter_volume":1250000000,"user_id":null,"user_name":null,"project_id":"p-1","project_name":null,"resource_id":"vm-1","timestamp":"2026-01-02T03:04:05.000006","resource_metadata":{},"message_id":"11111111-2222-3333-4444-555555555555","monotonic_time":null}',
    text: 'counter_namecpucounter_typecumulativecounter_unitnscounter_volume1250000000message_id11111111-2222-3333-4444-555555555555monotonic_timeNoneproject_idp-1project_nameNoneresource_idvm-1sourceopenstacktimestamp2026-01-02T03:04:05.000006user_idNoneuser_nameNone',
    signature: 'd21acb9bc9f03b2adb839c693a6047b9392f7bdf93683767b636ffef3a04ed81',
  },
  {
    secret: 'change this for valid signing',
    message:
      '{"source":"openstack","counter_name":"memory.usage","counter_type":"gauge","counter_unit":"MiB","counter_volume":512.0,"user_id":"u-é","user_name":null,"project_id":"p-1","project_name":"Démo","resource_id":"vm-2","timestamp":"2026-01-02T03:04:05","resource_metadata":{"tags":["a","é","it\'s",true,null,1.5,{"z":"2","a":[]}],"flavor":{"vcpus":2,"name":"m1","extra":{}},"A":false,"tiny":1e-05,"big":1e+16},"message_id":"11111111-2222-3333-4444-555555555556","monotonic_time":1234.5}',
    text: "counter_namememory.usagecounter_typegaugecounter_unitMiBcounter_volume512.0message_id11111111-2222-3333-4444-555555555556monotonic_time1234.5project_idp-1project_nameDémoresource_idvm-2resource_metadata:AFalseresource_metadata:big1e+16resource_metadata:flavor:namem1resource_metadata:flavor:vcpus2resource_metadata:tags[b'a', b'\\xc3\\xa9', b\"it's\", True, None, 1.5, {b'a': [], b'z': b'2'}]resource_metadata:tiny1e-05sourceopenstacktimestamp2026-01-02T03:04:05user_idu-éuser_nameNone",
    signature: 'e189144edf0bf441cdf74c70684f18395be39829bec6724c7a91d08bc022dc80',
  },
  {
    secret: 's3crét',
    message:
      '{"message_id":"e-1","event_type":"compute.instance.update","generated":"2026-01-02T03:04:05.123456","traits":[["state",1,"active"],["memory_mb",2,512],["load",3,0.25],["launched_at",4,"2026-01-02T03:00:00"]],"raw":{}}',
    text: "event_typecompute.instance.updategenerated2026-01-02T03:04:05.123456message_ide-1traits[[b'state', 1, b'active'], [b'memory_mb', 2, 512], [b'load', 3, 0.25], [b'launched_at', 4, b'2026-01-02T03:00:00']]",
    signature: '63f93038ea26a4c4084c6827487f3e6fb26a032ffe759e26c96b7e2b8e148c08',
  },
];

function parsed(text: string): JsonObject {
  const value = parseExact(text);
  assert.ok(isJsonObject(value));
  return value;
}

/** Texts with quotes, control characters, code points of every width; names that sort differently by UTF-16 unit. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom(
    '',
    "'",
    '"',
    '\'"',
    '\\',
    '\t\n\r\x00\x7f',
    'é',
    '\uffee',
    '\u{1f600}',
    'message_signature',
    'a',
    'a:b',
  ),
);
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc
    .bigInt({ min: -(2n ** 90n), max: 2n ** 90n })
    .map((value) => (BigInt.asIntN(53, value) === value ? Number(value) : value)),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .map((value) => (Number.isInteger(value) ? new FloatToken(value) : value)),
  fc.constantFrom(
    new FloatToken(1e16),
    new FloatToken(1e15),
    0.0001,
    1e-5,
    5e-324,
    new FloatToken(-0),
    new FloatToken(1e22),
  ),
);
const value = fc.letrec<{ readonly any: JsonValue }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    text,
    number,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(text, tie('any'), { maxKeys: 4 }),
  ),
})).any;
const message = fc.dictionary(text, value, { maxKeys: 6 });

suite('the signature of a message', () => {
  test('the text and the signature of each recorded message are those of the original', () => {
    for (const vector of VECTORS) {
      const document = parsed(vector.message);
      assert.equal(signatureText(document, 'python3'), vector.text);
      assert.equal(signMessage(document, vector.secret), vector.signature);
      const sent = parsed(stringifyExact({ ...document, message_signature: vector.signature }));
      assert.equal(hasValidSignature(sent, [vector.secret]), true);
      assert.equal(hasValidSignature(sent, ['another']), false);
    }
  });

  test('what was signed is valid after it travelled as JSON, and signs as a naive second implementation says', () => {
    fc.assert(
      fc.property(message, (document) => {
        const { message_signature: _, ...unsigned } = document;
        const signature = signMessage(unsigned, 'k');
        assert.equal(signature, createHmac('sha256', 'k').update(naiveText(unsigned, '')).digest('hex'));
        const received = parsed(stringifyExact({ ...unsigned, message_signature: signature }));
        assert.equal(hasValidSignature(received, ['k']), true);
      }),
      { numRuns: 500 },
    );
  });

  test('only a whole name message_signature is left out, and a mapping of that name is not', () => {
    const document = { message_signature: 'x', a: { message_signature: 1 }, b: 2 };
    assert.equal(signatureText(document, 'python3'), 'a:message_signature1b2');
    assert.equal(signatureText({ message_signature: { c: 3 } }, 'python3'), 'message_signature:c3');
    assert.equal(signatureText({ message_signature: [1] }, 'python3'), '');
  });

  test('keys are sorted by code point on each level for itself', () => {
    assert.equal(signatureText({ '\uffee': 1, '\u{1f600}': 2, a: 3 }, 'python3'), 'a3\uffee1\u{1f600}2');
    assert.equal(signatureText({ 'a.b': 1, a: { z: 2 } }, 'python3'), 'a:z2a.b1');
  });

  test('a number that was computed here is signed as the JSON text of it reads', () => {
    const values = [1e20, 1e21, 123456789012345680000, -0, 2 ** 70, 0.1 + 0.2];
    for (const each of values) {
      const document = { a: each };
      const received = parsed(stringifyExact({ ...document, message_signature: signMessage(document, 'k') }));
      assert.equal(hasValidSignature(received, ['k']), true, String(each));
    }
  });

  test('an empty secret signs with the empty text and accepts everything', () => {
    assert.equal(signMessage({ a: 1 }, ''), '');
    for (const secrets of [[], [''], ['', '']]) assert.equal(hasValidSignature({ a: 1 }, secrets), true);
  });

  test('while a secret changes the old and the new one are accepted, and an empty one beside them opens nothing', () => {
    const signed = (secret: string): JsonObject => ({
      a: 1,
      message_signature: signMessage({ a: 1 }, secret),
    });
    for (const secret of ['new', 'old'])
      assert.equal(hasValidSignature(signed(secret), ['new', 'old']), true);
    assert.equal(hasValidSignature(signed('other'), ['new', 'old', '']), false);
    assert.equal(hasValidSignature(signed(''), ['new', '']), false);
  });

  test('a signature that is missing, short, long or no text is not valid', () => {
    const right = signMessage({ a: 1 }, 'k');
    const wrong = [
      undefined,
      null,
      '',
      right.slice(1),
      `${right}0`,
      right.toUpperCase(),
      5,
      [right],
      'é'.repeat(64),
    ];
    for (const signature of wrong) {
      const document = signature === undefined ? { a: 1 } : { a: 1, message_signature: signature };
      assert.equal(hasValidSignature(document, ['k']), false, String(signature));
    }
  });

  test('each change of any character of a signed message is noticed', () => {
    const [vector] = VECTORS;
    assert.ok(vector !== undefined);
    const sent = { ...parsed(vector.message), message_signature: vector.signature };
    let refused = 0;
    for (let bit = 0; bit < 256; bit += 1) {
      const bytes = Buffer.from(vector.signature, 'hex');
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (!hasValidSignature({ ...sent, message_signature: bytes.toString('hex') }, [vector.secret]))
        refused++;
    }
    assert.equal(refused, 256);
  });

  test('of 20,000 messages with another value none is accepted', () => {
    const message = { name: 'cpu', volume: 0, metadata: { host: 'node-1', list: ['a', 1.5] } };
    const signature = signMessage(message, 'k');
    let accepted = 0;
    for (let volume = 1; volume <= 20_000; volume += 1) {
      if (hasValidSignature({ ...message, volume, message_signature: signature }, ['k'])) accepted++;
    }
    assert.equal(accepted, 0);
  });

  test('text that moves between a name and its value is not noticed: the original signs it without marks between', () => {
    assert.equal(signMessage({ a: '1b2' }, 'k'), signMessage({ a: '1', b: '2' }, 'k'));
  });

  test('nesting without end is an error of its own in signing and no valid signature in checking', () => {
    let deep: JsonValue = 1;
    for (let level = 0; level < 600; level += 1) deep = level % 2 === 0 ? [deep] : { a: deep };
    const document = { deep, message_signature: '0'.repeat(64) };
    assert.throws(
      () => signMessage(document, 'k'),
      (error) => error instanceof NephoscopeError && error.code === 'E5023',
    );
    assert.equal(hasValidSignature(document, ['k'], { python2: true }), false);
  });

  test('a sender under Python 2 is understood when that is asked for', () => {
    const document = {
      list: ['a', 'é', 2n ** 64n, 0.1 + 0.2],
      f: 0.1 + 0.2,
      g: new FloatToken(1e12),
      h: new FloatToken(1e11),
      i: 1 / 3e5,
    };
    const expected =
      "f0.3g1e+12h100000000000.0i3.33333333333e-06list['a', '\\xc3\\xa9', 18446744073709551616L, 0.30000000000000004]";
    assert.equal(signatureText(document, 'python2'), expected);
    const signature = createHmac('sha256', 'k').update(expected).digest('hex');
    const signed = { ...document, message_signature: signature };
    assert.equal(hasValidSignature(signed, ['k']), false);
    assert.equal(hasValidSignature(signed, ['k'], { python2: true }), true);
    assert.equal(hasValidSignature({ ...signed, f: 0.4 }, ['k'], { python2: true }), false);
  });
});

const hasPython = spawnSync('python3', ['--version']).status === 0;
const withoutPython = hasPython ? false : 'needs python3: it is not there';

/** The construction as Python itself would do it: JSON lines in, one signature a line out. */
const ORACLE = `
import hashlib, hmac, json, sys
def as_bytes(v):
    if isinstance(v, dict):
        return {as_bytes(k): as_bytes(v[k]) for k in sorted(v)}
    if isinstance(v, list):
        return [as_bytes(i) for i in v]
    return v.encode('utf-8') if isinstance(v, str) else v
def pairs(d, above=''):
    for k in sorted(d):
        if isinstance(d[k], dict):
            yield from pairs(d[k], above + k + ':')
        else:
            yield above + k, str(as_bytes(d[k])) if isinstance(d[k], list) else str(d[k])
for line in sys.stdin:
    mac = hmac.new(b'k', digestmod=hashlib.sha256)
    for name, text in pairs(json.loads(line)):
        if name != 'message_signature':
            mac.update(name.encode('utf-8'))
            mac.update(text.encode('utf-8'))
    print(mac.hexdigest())
`;

test('Python signs 2,000 random messages alike', { skip: withoutPython }, () => {
  const messages = fc.sample(message, { numRuns: 2000, seed: 20260102 });
  const input = messages.map((each) => `${stringifyExact(each)}\n`).join('');
  const output = execFileSync('python3', ['-c', ORACLE], { input, maxBuffer: 1 << 24, timeout: 60_000 });
  const theirs = output.toString().trim().split('\n');
  assert.deepEqual(
    messages.map((each) => signMessage(each, 'k')),
    theirs,
  );
});

function naiveText(mapping: JsonObject, prefix: string): string {
  const points = (key: string): string =>
    Array.from(key, (char) => String(char.codePointAt(0)).padStart(8, '0')).join();
  const keys = Object.keys(mapping).sort((a, b) => (points(a) < points(b) ? -1 : 1));
  return keys
    .map((key) => {
      const item = mapping[key] as JsonValue;
      if (isJsonObject(item)) return naiveText(item, `${prefix}${key}:`);
      if (prefix + key === 'message_signature') return '';
      return prefix + key + (typeof item === 'string' ? item : naiveRepr(item));
    })
    .join('');
}

function naiveRepr(item: JsonValue): string {
  if (item === null) return 'None';
  if (item === true) return 'True';
  if (item === false) return 'False';
  if (typeof item === 'bigint') return String(item);
  if (item instanceof FloatToken) return pythonFloatText(item.value);
  if (typeof item === 'number') return Number.isInteger(item) ? String(item) : pythonFloatText(item);
  if (typeof item === 'string') return naiveBytes(item);
  if (Array.isArray(item)) return `[${item.map(naiveRepr).join(', ')}]`;
  const mapping = item as JsonObject;
  const ordered = Object.keys(mapping).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `{${ordered.map((key) => `${naiveBytes(key)}: ${naiveRepr(mapping[key] as JsonValue)}`).join(', ')}}`;
}

function naiveBytes(item: string): string {
  const bytes = Buffer.from(item).toString('latin1');
  const quote = bytes.includes("'") && !bytes.includes('"') ? '"' : "'";
  const escapes: Readonly<Record<string, string>> = {
    '\t': '\\t',
    '\n': '\\n',
    '\r': '\\r',
    '\\': '\\\\',
    [quote]: `\\${quote}`,
  };
  const body = Array.from(bytes, (char) => {
    if (escapes[char] !== undefined) return escapes[char];
    const code = char.charCodeAt(0);
    return code < 0x20 || code > 0x7e ? `\\x${code.toString(16).padStart(2, '0')}` : char;
  });
  return `b${quote}${body.join('')}${quote}`;
}
