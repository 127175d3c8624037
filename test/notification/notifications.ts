import assert from 'node:assert/strict';
import { parseYaml, type YamlDocument } from '../../src/config/yaml.ts';
import type { JsonObject, JsonValue } from '../../src/model/json.ts';
import { type DecodedNotification, decodeNotification } from '../../src/notification/envelope.ts';

/** A complete message, as a service sends it. */
export const message = {
  message_id: 'm-1',
  publisher_id: 'compute.host-1',
  event_type: 'compute.instance.create.end',
  priority: 'INFO',
  timestamp: '2026-01-02 03:04:05.000006',
  payload: {},
} as const satisfies JsonObject;

/** The body of a notification: the envelope around `message` with other fields. */
export function envelope(fields: JsonObject = {}): string {
  return envelopeOfText(JSON.stringify({ ...message, ...fields }));
}

/** The envelope around a text, whatever it is. */
export function envelopeOfText(text: string, version: JsonValue = '2.0'): string {
  return JSON.stringify({ 'oslo.version': version, 'oslo.message': text });
}

/** `message` with other fields, decoded. */
export function notification(fields: JsonObject = {}): DecodedNotification {
  return decodeNotification(envelope(fields));
}

/** `message` with a payload given as JSON text, decoded: for numbers that an object literal cannot say. */
export function notificationWithPayload(payload: string, fields: JsonObject = {}): DecodedNotification {
  const { payload: _, ...rest } = { ...message, ...fields };
  return decodeNotification(envelopeOfText(`${JSON.stringify(rest).slice(0, -1)},"payload":${payload}}`));
}

/** A YAML document that must be right. */
export function yaml(text: string, file = 'definitions.yaml'): YamlDocument {
  const { document, problems } = parseYaml(file, text);
  assert.deepEqual(problems, []);
  assert.ok(document !== null);
  return document;
}
