import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openApiDocument } from './openapi.ts';

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, unknown>>;
}

const document = JSON.parse(JSON.stringify(openApiDocument())) as {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
};

test('the document has every path of the API with its methods', () => {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual(operations.sort(), [
    'DELETE /v1/parked/{id}',
    'GET /',
    'GET /healthz',
    'GET /metrics',
    'GET /readyz',
    'GET /v1/openapi.json',
    'GET /v1/parked',
    'GET /v1/parked/{id}',
    'GET /v1/prometheus',
    'GET /v1/tap/{stage}',
    'GET /v2/capabilities',
    'GET /v2/event_types',
    'GET /v2/event_types/{eventType}/traits',
    'GET /v2/event_types/{eventType}/traits/{trait}',
    'GET /v2/events',
    'GET /v2/events/{id}',
    'GET /v2/meters',
    'GET /v2/meters/{meter}',
    'GET /v2/meters/{meter}/statistics',
    'GET /v2/resources',
    'GET /v2/resources/{id}',
    'GET /v2/samples',
    'GET /v2/samples/{id}',
    'POST /v1/notifications',
    'POST /v1/parked/{id}/replay',
  ]);
});

test('parameters are those the route reads, each described', () => {
  const operation = document.paths['/v2/meters/{meter}/statistics']?.['get'];
  assert.deepEqual(
    operation?.parameters.map((parameter) => `${parameter.in} ${parameter.name}`),
    [
      'path meter',
      'query q.field',
      'query q.op',
      'query q.type',
      'query q.value',
      'query period',
      'query groupby',
      'query aggregate.func',
      'query aggregate.param',
    ],
  );
});

test('operations have names of their own and say what an error looks like', () => {
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length);
  assert.ok(operations.every(({ responses }) => 'default' in responses));
});
