import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EXIT } from '../src/cli/command.ts';
import { convertFiles } from '../src/cli/convert.ts';

/** Real notifications and what the shipped definitions make of them; how to add or update: golden/README.md. */
const golden = fileURLToPath(new URL('golden', import.meta.url));
const etc = fileURLToPath(new URL('../etc', import.meta.url));
const update = process.env['UPDATE_GOLDEN'] === '1';

describe('the shipped definitions', () => {
  for (const name of caseNames()) {
    it(`convert ${name} as its golden folder says`, async () => {
      const folder = join(golden, name);
      const actual = await convert(join(folder, 'notifications.jsonl'));
      if (update) writeFileSync(join(folder, 'expected.jsonl'), actual);
      assert.ok(
        existsSync(join(folder, 'expected.jsonl')),
        'make expected.jsonl with UPDATE_GOLDEN=1 and read it',
      );
      const expected = readFileSync(join(folder, 'expected.jsonl'), 'utf8');
      assert.deepEqual(parseLines(actual), parseLines(expected));
      // The texts too: 2.0 and 2 are one number to JSON.parse, but not to who reads an event.
      assert.equal(actual, expected);
    });
  }
});

describe('the golden folders', () => {
  it('hold at least one notification each', () => {
    const empty = caseNames().filter((name) => readNotifications(name).length === 0);
    assert.deepEqual(empty, []);
  });

  it('hold no token, password or private key', () => {
    const secret =
      /gAAAAA[\w-]{20}|PRIVATE KEY|"(?:auth_token|password|adminPass)[\\"]+: ?[\\"]+(?!TOKEN)[^"\\]/;
    const leaking = caseNames().filter((name) => readNotifications(name).some((line) => secret.test(line)));
    assert.deepEqual(leaking, []);
  });
});

/** Every `<service>/<case>` folder with notifications in it. */
function caseNames(): readonly string[] {
  const folders = (path: string): readonly string[] =>
    readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  return folders(golden)
    .flatMap((service) => folders(join(golden, service)).map((name) => join(service, name)))
    .filter((name) => existsSync(join(golden, name, 'notifications.jsonl')));
}

function readNotifications(name: string): readonly string[] {
  const lines = readFileSync(join(golden, name, 'notifications.jsonl'), 'utf8').split('\n');
  return lines.filter((line) => line !== '');
}

async function convert(file: string): Promise<string> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const output = Promise.all([text(stdout), text(stderr)]);
  const exitCode = await convertFiles(
    {
      files: [file],
      eventDefinitions: join(etc, 'event_definitions.yaml'),
      meterDefinitions: join(etc, 'meters.d'),
      anyPriority: false,
    },
    { stdin: Readable.from([]), stdout, stderr },
  );
  stdout.end();
  stderr.end();
  const [converted, complaints] = await output;
  assert.deepEqual({ exitCode, complaints }, { exitCode: EXIT.done, complaints: '' });
  return converted;
}

function parseLines(lines: string): readonly unknown[] {
  return lines.split('\n').map((line): unknown => (line === '' ? null : JSON.parse(line)));
}
