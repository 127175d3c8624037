import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DELIVERY_PARAMETERS, urlSyntaxOf } from '../src/publishers/delivery-settings.ts';
import { checkPublisherUrl } from '../src/publishers/publisher-url.ts';
import { PUBLISHERS } from '../src/publishers/registry.ts';
import { publishersPage } from './generate-publishers.ts';

const page = publishersPage(PUBLISHERS, DELIVERY_PARAMETERS);

test('the page of publishers names each of them with its form, examples and parameters', () => {
  for (const { schemes, form, examples, parameters } of PUBLISHERS) {
    assert.ok(page.includes(`\n## ${schemes[0]}\n`), schemes[0]);
    for (const text of [form, ...examples]) assert.ok(page.includes(`\`${text}\``), text);
    for (const { name } of parameters) assert.ok(page.includes(`\n| \`${name}\` | `), name);
  }
});

test('examples are URLs without a mistake', () => {
  for (const definition of PUBLISHERS) {
    for (const example of definition.examples) {
      assert.deepEqual(checkPublisherUrl(example, urlSyntaxOf(definition)).problems, [], example);
      assert.ok(definition.schemes.includes(example.slice(0, example.indexOf('://'))), example);
    }
  }
});

test('no two publishers share a scheme', () => {
  const schemes = PUBLISHERS.flatMap((definition) => definition.schemes);
  assert.deepEqual(schemes, [...new Set(schemes)]);
});
