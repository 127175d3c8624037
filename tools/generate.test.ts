import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { OPTIONS } from '../src/app/options.ts';
import { ERROR_CODES } from '../src/component/error-codes.ts';
import { loadConfig } from '../src/config/load.ts';
import { formatProblems } from '../src/config/problems.ts';
import { showConfig } from '../src/config/show.ts';
import { generateAll } from './generate-all.ts';
import { errorsPage } from './generate-errors.ts';
import { metricsPage } from './generate-metrics.ts';

const root = join(import.meta.dirname, '..');
const files = await generateAll(root);

function textOf(path: string): string {
  const text = files.get(path);
  assert.ok(text !== undefined, `${path} is generated`);
  return text;
}

function loadText(text: string): ReturnType<typeof loadConfig> {
  const directory = mkdtempSync(join(tmpdir(), 'generate-'));
  try {
    const file = join(directory, 'nephoscope.conf');
    writeFileSync(file, text);
    return loadConfig({
      options: OPTIONS,
      files: [file],
      dirs: [],
      environment: {},
      home: directory,
      etc: directory,
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe('generated files', () => {
  it('are the same each time', async () => {
    assert.deepEqual(await generateAll(root), files);
  });

  it('end with one line feed and have no blanks at line ends', () => {
    for (const [path, text] of files) {
      assert.match(text, /[^\n]\n$/, path);
      assert.doesNotMatch(text, /[ \t]\n/, path);
    }
  });

  it('name every option and every error code', () => {
    for (const { name } of OPTIONS)
      assert.ok(textOf('docs/reference/options.md').includes(`### ${name}\n`), name);
    for (const code of Object.keys(ERROR_CODES))
      assert.ok(textOf('docs/reference/errors.md').includes(`| ${code} |`), code);
  });

  it('refuse an error code of no area', () => {
    assert.throws(() => errorsPage({ E9901: { title: 'a', hint: 'b' } }), /E99xx need an area/);
  });
});

describe('the page of metrics', () => {
  it('lists them by name, with their labels', () => {
    const text = metricsPage([
      { name: 'b_total', kind: 'counter', help: 'Counts <b>.', labels: ['source', 'reason'] },
      { name: 'a', kind: 'gauge', help: 'A | b.', labels: [] },
    ]);
    assert.deepEqual(text.split('\n').slice(-4), [
      '| --- | --- | --- | --- |',
      '| `a` | gauge |  | A \\| b. |',
      '| `b_total` | counter | `source`, `reason` | Counts &lt;b>. |',
      '',
    ]);
  });
});

describe('the sample configuration', () => {
  const defaults = loadText('').config;
  assert.ok(defaults !== null);

  it('changes nothing as it is', () => {
    const { config, problems } = loadText(textOf('etc/nephoscope.conf.sample'));
    assert.ok(config !== null, formatProblems(problems));
    assert.deepEqual(problems, []);
    assert.deepEqual(showConfig(config, OPTIONS), showConfig(defaults, OPTIONS));
  });

  it('sets every default when all of its options are taken in', () => {
    const sample = textOf('etc/nephoscope.conf.sample').replaceAll(/^#(?=[a-z_]+ =)/gm, '');
    const { config, problems } = loadText(sample);
    assert.ok(config !== null, formatProblems(problems));
    assert.deepEqual(problems, []);
    for (const option of OPTIONS) {
      const isGiven =
        option.default === null || (Array.isArray(option.default) && option.default.length === 0);
      if (isGiven) continue;
      assert.deepEqual(config.get(option), defaults.get(option), `[${option.group}] ${option.name}`);
    }
  });
});
