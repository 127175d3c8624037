import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { compilePath } from './jsonpath.ts';

// The definitions that real releases ship, kept beside the project; a bare checkout does not have them.
const DIRECTORY = fileURLToPath(new URL('../../../shared/data/upstream/', import.meta.url));
const skip = existsSync(DIRECTORY) ? false : `no definitions at ${DIRECTORY}`;

/** Keys of a meter whose values are paths; the texts of `name`, `type` and `unit` may be literals as well. */
const METER_FIELDS = ['volume', 'resource_id', 'project_id', 'user_id', 'timestamp', 'user_metadata'];

test('every path of the definitions that releases ship compiles', { skip }, () => {
  const files = readdirSync(DIRECTORY).filter((name) =>
    /^(osprofiler_)?(event_def|meters|gnocchi_res)/.test(name),
  );
  assert.ok(files.length >= 11, `only ${files.length} files`);
  let count = 0;
  for (const file of files) {
    const document: unknown = parse(readFileSync(DIRECTORY + file, 'utf8'), {
      version: '1.1',
      merge: true,
      uniqueKeys: false,
    });
    for (const path of pathsOf(file, document)) {
      assert.equal(compilePath(path).text, path);
      count += 1;
    }
  }
  assert.ok(count > 1500, `only ${count} paths`);
});

function pathsOf(file: string, document: unknown): readonly string[] {
  if (file.includes('event_definitions')) {
    return items(document).flatMap((definition) => values(get(definition, 'traits')).flatMap(fieldPaths));
  }
  if (file.startsWith('meters')) return items(get(document, 'metric')).flatMap(meterPaths);
  return items(get(document, 'resources')).flatMap((resource) => [
    ...values(get(resource, 'attributes')).flatMap(fieldPaths),
    ...values(get(resource, 'event_attributes')).flatMap(fieldPaths),
  ]);
}

function meterPaths(meter: unknown): readonly string[] {
  const names = [get(meter, 'name'), get(meter, 'unit')].filter((text) => String(text).startsWith('$'));
  const fields = METER_FIELDS.map((key) => get(meter, key)).filter((field) => field !== undefined);
  return [...names, ...fields, ...values(get(meter, 'metadata'))].flatMap(fieldPaths);
}

/** The paths of one field: a text, a list of texts, or a mapping with `fields`; an integer is a constant. */
function fieldPaths(field: unknown): readonly string[] {
  if (typeof field === 'number') return [];
  if (typeof field === 'string') return [field];
  if (Array.isArray(field)) return field.flatMap(fieldPaths);
  assert.ok(field !== null && typeof field === 'object' && 'fields' in field, JSON.stringify(field));
  return fieldPaths(field.fields);
}

function get(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

function items(value: unknown): readonly unknown[] {
  assert.ok(Array.isArray(value));
  return value;
}

function values(value: unknown): readonly unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}
