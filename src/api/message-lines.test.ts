import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { messageBatches, messageLines } from './message-lines.ts';

async function* pieces(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  const ends = [...cuts].map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
  let start = 0;
  for (const end of [...ends, bytes.length]) {
    yield bytes.subarray(start, end);
    start = end;
  }
}

async function linesOf(text: string, cuts: readonly number[]): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const line of messageLines(pieces(Buffer.from(text), cuts))) lines.push(line.toString());
  return lines;
}

test('lines are the same however the stream is cut', async () => {
  const texts = fc
    .array(fc.constantFrom('{"a":1}', '', ' ', '\r', 'é', '\t \r', '"x y"'))
    .map((list) => list.join('\n'));
  await fc.assert(
    fc.asyncProperty(texts, fc.array(fc.nat(200), { maxLength: 6 }), async (text, cuts) => {
      const expected = text.split('\n').filter((line) => line.trim() !== '');
      assert.deepEqual(await linesOf(text, cuts), expected);
    }),
  );
});

test('batches close by number or by size', async () => {
  async function* lines(): AsyncGenerator<Buffer> {
    for (const line of ['a', 'b', 'c', 'dddd', 'e']) yield Buffer.from(line);
  }
  const batches: string[][] = [];
  for await (const batch of messageBatches(lines(), { messages: 2, bytes: 4 })) {
    batches.push(batch.map(String));
  }
  assert.deepEqual(batches, [['a', 'b'], ['c', 'dddd'], ['e']]);
});
