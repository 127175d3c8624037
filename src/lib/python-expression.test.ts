import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FloatToken, type JsonValue } from '../model/json.ts';
import { compilePythonExpression, type ExpressionScope, PythonExpressionError } from './python-expression.ts';
import { pythonRepr } from './python-text.ts';

const VALUES: Readonly<Record<string, JsonValue>> = {
  volume: 5,
  name: 'cpu',
  nothing: null,
  resource_metadata: {
    cpu_number: 4,
    flavor: { ram: 1024, 'disk-gb': 20 },
    tags: ['a', 'b'],
    state: 'active',
  },
};
const scope: ExpressionScope = {
  valueOf: (name) => (Object.hasOwn(VALUES, name) ? VALUES[name] : undefined),
  meter: (name) => (name === 'memory.usage' ? { volume: 512, unit: 'MB' } : undefined),
};

function evaluate(text: string): JsonValue {
  return compilePythonExpression(text, { meters: true }).evaluate(scope);
}

describe('an expression', () => {
  const cases: readonly (readonly [string, JsonValue])[] = [
    ['100.0 / (10**9 * (resource_metadata.cpu_number or 1))', 2.5e-8],
    ['100.0 / (10**9 * (resource_metadata.vcpus or 1))', 1e-7],
    ['volume * 1024 if resource_metadata.state == "active" else 0', 5120],
    ['resource_metadata.flavor["disk-gb"]', 20],
    ['resource_metadata.tags[-1]', 'b'],
    ['resource_metadata.a.b.c or "none"', 'none'],
    ["'ctiv' in resource_metadata.state and 'x' not in resource_metadata.tags", true],
    ['"flavor" in resource_metadata', true],
    ['nothing is None and volume is not None', true],
    ['name in ("cpu", "memory")', true],
    ['$(memory.usage) / $(memory.usage).volume', new FloatToken(1)],
    ['$(memory.usage).unit', 'MB'],
    ['$(other) or 7', 7],
    ['-2**2', -4],
    ['2**-1**2', 0.5],
    ['2**3**2', 512],
    ['not 1 == 2', true],
    ['1 < 2 < 3 != 3', false],
    ['1 if 0 else 2 if 0 else 3', 3],
    ['0 or 1 and 2', 2],
    ['1_000 + 0x10 + 0o7 + 0b11', 1026],
    ['.5 + 1. + 1e1', 11.5],
    [String.raw`'a\x41\u00e9\n\'' "b" r'\n'`, `aA\u00e9\n'b\\n`],
    ['10**20', 100000000000000000000n],
    ['max(1, 2.5, 2) + min([3, 1])', 3.5],
    ['round(2.675, 2)', 2.67],
    ['int("12") + int(3.9) + float("0.5")', 15.5],
    ['len("h\u00e9") + len(resource_metadata.tags) + abs(-3)', 7],
    ['(1,\n 2)[0]', 1],
  ];
  for (const [text, expected] of cases) {
    test(`${text} gives its value`, () => assert.deepEqual(evaluate(text), expected));
  }
});

describe('a mistake is told with its column', () => {
  const cases: readonly (readonly [string, number, string])[] = [
    ['', 1, 'The expression is empty'],
    ['1 +', 4, 'The expression ends too early'],
    ['1 2', 3, 'Not expected here: 2'],
    ['(1', 3, 'Here should be ")" instead of the end'],
    ['volume ** ', 11, 'The expression ends too early'],
    ['volume & 1', 8, '"&" has no meaning here'],
    ['x = 1', 3, '"=" has no meaning here'],
    ['lambda: 1', 1, '"lambda" is not supported'],
    ['[x for x in y]', 4, '"for" is not supported'],
    ['volume.split("a")', 8, 'Methods are not supported'],
    ['volume[0](1)', 10, 'Only functions can be called, not values'],
    ['open("x")', 1, 'There is no function open; there are int, float, abs, round, min, max, len'],
    ['abs()', 1, 'abs does not take 0 values'],
    ['012', 1, 'This is not a number'],
    ['1.5x', 1, 'This is not a number'],
    ['"abc', 1, 'This text has no closing quote'],
    ['f"{volume}"', 1, 'Texts with the prefix f are not supported'],
    ['volume is 5', 8, '"is" is for None, True and False; write == or !='],
    [String.raw`'\ud'`, 2, 'This escape names no character'],
    ['$(a b)', 1, '"$" has no meaning here'],
    [`${'('.repeat(101)}1${')'.repeat(101)}`, 101, 'More than 100 levels are nested here'],
    ['1+'.repeat(1001), 2001, 'An expression may have 2000 characters'],
    // While it runs.
    ['1 / (volume - 5)', 3, 'division by zero'],
    ['9**9**9', 2, 'The power has more than 4096 bits'],
    ['resource_metadata.vcpus * 2', 1, 'resource_metadata.vcpus is missing'],
    ['volume + name', 8, '+ does not apply to a number and a text'],
    ['nothing.x', 1, 'null has no x'],
    ['resource_metadata.tags[2]', 1, 'There is no item 2'],
    ['volume < name', 8, 'a number and a text have no order'],
    ['(-8) ** 0.5', 6, 'the power would be a complex number'],
    ['"a" * 10**7', 5, 'The repetition is longer than 1000000'],
    ['int("x")', 1, 'int cannot be made of the text "x"'],
  ];
  for (const [text, column, message] of cases) {
    test(`${text.slice(0, 40)}: ${message}`, () => {
      assert.throws(() => evaluate(text), { name: 'PythonExpressionError', column, message });
    });
  }
});

test('meters are understood only where they are asked for', () => {
  assert.throws(() => compilePythonExpression('$(cpu)'), PythonExpressionError);
});

test('an expression tells its names and meters in order of first mention', () => {
  const { names, meters } = compilePythonExpression('b + a.c + b + $(x.y) - $(w) + $(x.y).unit', {
    meters: true,
  });
  assert.deepEqual({ names, meters }, { names: ['b', 'a'], meters: ['x.y', 'w'] });
});

test('the data cannot reach what is not data', () => {
  for (const name of ['__proto__', 'constructor', 'toString', 'length', 'hasOwnProperty']) {
    assert.deepEqual(evaluate(`resource_metadata.${name} or 0`), 0);
    assert.deepEqual(evaluate(`resource_metadata["${name}"] or 0`), 0);
    assert.deepEqual(evaluate(`${name} or 0`), 0);
  }
});

test('as long an expression as is allowed can be evaluated', () => {
  assert.equal(evaluate(`${'1+'.repeat(999)}1`), 1000);
  assert.equal(evaluate(`${'('.repeat(99)}volume${')'.repeat(99)}`), 5);
});

const token = fc.constantFrom(
  ...[
    'volume',
    'name',
    'nothing',
    'missing',
    'resource_metadata',
    '.',
    'cpu_number',
    '.tags',
    '[',
    ']',
    '(',
    ')',
  ],
  ...[
    '+',
    '-',
    '*',
    '/',
    '//',
    '%',
    '**',
    '<',
    '<=',
    '==',
    '!=',
    'and',
    'or',
    'not',
    'in',
    'is',
    'if',
    'else',
  ],
  ...[
    '0',
    '1',
    '2',
    '1.5',
    '1e400',
    '10**9',
    '"a"',
    "'",
    'None',
    'True',
    'min(',
    'round(',
    'len(',
    ',',
    '$(memory.usage)',
  ],
  ...[' ', '\\', '\n', 'é', '𝔘', '\u0000', '#', '1_', '0x', 'lambda'],
);

test('whatever the text, nothing but its own error is thrown', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(token, { maxLength: 25 }).map((all) => all.join(' ')),
  );
  fc.assert(
    fc.property(text, (source) => {
      try {
        evaluate(source);
      } catch (thrown) {
        assert.ok(thrown instanceof PythonExpressionError, String(thrown));
        assert.ok(thrown.column >= 1 && thrown.column <= source.length + 1, `${thrown.column} of ${source}`);
      }
    }),
    { numRuns: 3000 },
  );
});

const python = spawnSync('python3', ['--version']).status === 0;

/** Evaluates in Python what it is given, and says text and kind of each value. */
const ORACLE = `
import json, sys
functions = {"int": int, "float": float, "abs": abs, "round": round, "min": min, "max": max, "len": len}
def run(text):
    names = {"__builtins__": functions, "volume": 5, "name": "cpu", "nothing": None}
    try:
        exec(compile("value = (" + text + ")", "oracle", "exec"), names)
        return repr(names["value"])
    except Exception as error:
        return "error"
json.dump([run(text) for text in json.load(sys.stdin)], sys.stdout)
`;

function withPython(texts: readonly string[]): readonly string[] {
  const { stdout, stderr, status } = spawnSync('python3', ['-W', 'ignore', '-c', ORACLE], {
    input: JSON.stringify(texts),
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

function withOurs(text: string): string {
  try {
    return pythonRepr(compilePythonExpression(text).evaluate(scope));
  } catch (thrown) {
    assert.ok(thrown instanceof PythonExpressionError, String(thrown));
    return 'error';
  }
}

const number = fc.oneof(
  fc.integer({ min: -20, max: 20 }).map(String),
  fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => pythonRepr(new FloatToken(value))),
  fc.constantFrom('0.0', '-0.0', '0.5', '2.5', '1e16', '1e-7', 'True', 'False', 'volume', '9007199254740993'),
);
const other = fc.constantFrom('"a"', '"ab"', 'None', 'name', '[1, 2.0]', '[]');
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4 },
    { arbitrary: number, weight: 6 },
    { arbitrary: other, weight: 1 },
    ...['+', '-', '*', '/', '//', '%', '<', '<=', '>', '>=', '==', '!=', 'and', 'or', 'in', 'not in'].map(
      (sign) => fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `(${a} ${sign} ${b})`),
    ),
    fc.tuple(tie('expression'), fc.integer({ min: 0, max: 5 })).map(([a, b]) => `(${a} ** ${b})`),
    ...['-', '+', 'not '].map((sign) => tie('expression').map((a) => `(${sign}${a})`)),
    ...['int', 'float', 'abs', 'round', 'len'].map((name) => tie('expression').map((a) => `${name}(${a})`)),
    fc.tuple(tie('expression'), fc.integer({ min: -5, max: 20 })).map(([a, b]) => `round(${a}, ${b})`),
    ...['min', 'max'].map((name) =>
      fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `${name}(${a}, ${b})`),
    ),
    fc
      .tuple(tie('expression'), tie('expression'), tie('expression'))
      .map(([a, b, c]) => `(${a} if ${b} else ${c})`),
  ),
}));

test('values are those of Python, to the last digit', { skip: python ? false : 'needs python3' }, () => {
  const seed = Number(process.env['FC_SEED'] ?? 20260102);
  const texts = fc.sample(expression, { numRuns: 4000, seed }).filter((text) => text.length < 2000);
  const theirs = withPython(texts);
  const different = texts.flatMap((text, index) => {
    const ours = withOurs(text);
    return ours === theirs[index] || isExpected(text, ours, theirs[index] ?? '')
      ? []
      : [{ text, ours, theirs: theirs[index] }];
  });
  assert.deepEqual(different.slice(0, 10), []);
});

/**
 * Powers of floats may differ in the last bit, powers of enormous size are refused. Texts are not formatted by `%`, and
 * to repeat one -10**40 times is nothing here and an overflow there.
 */
function isExpected(text: string, ours: string, theirs: string): boolean {
  if (/"|name|\[/.test(text) && (/%/.test(text) || /\d{20}/.test(text))) return true;
  if (ours === 'error' && (theirs.length > 500 || /\*\*/.test(text))) return true;
  const [a, b] = [Number(ours), Number(theirs)];
  return /\*\*/.test(text) && Math.abs(a - b) <= Math.abs(b) * 1e-14;
}
