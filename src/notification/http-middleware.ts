import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import type { BuiltInConverter } from './built-in-converter.ts';
import { WHOLE_PAYLOAD } from './sample-metadata.ts';

/**
 * Requests and responses that the audit middleware of oslo.messaging (`http.request`, `http.response`) reports: one
 * delta of 1 per message, of the service that was asked.
 *
 * Source: ceilometer `middleware.py`.
 */
export const httpMiddleware: BuiltInConverter = {
  matches: (eventType) => eventType.startsWith('http.request') || eventType.startsWith('http.response'),
  addSamples: ({ notification, metadata, collector, source }) => {
    const { eventType } = notification;
    const request = requestOf(notification.payload);
    const draft = {
      name: eventType,
      type: 'delta',
      unit: eventType.split('.')[1] ?? null,
      volume: 1,
      userId: request.HTTP_X_USER_ID ?? null,
      projectId: request.HTTP_X_PROJECT_ID ?? null,
      resourceId: request.HTTP_X_SERVICE_NAME ?? null,
      timestamp: null,
      resourceMetadata: metadata.of(WHOLE_PAYLOAD),
      source,
    };
    collector.add(draft, eventType);
  },
};

function requestOf(payload: JsonValue): JsonObject {
  const request = isJsonObject(payload) ? payload.request : undefined;
  return isJsonObject(request) ? request : {};
}
