import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import type { Notification } from '../model/notification.ts';
import type { BuiltInConverter } from './built-in-converter.ts';
import type { MeterContext } from './meter-samples.ts';
import { storedValue } from './stored-value.ts';

/** True for notifications that only carry samples, of polling agents or posted to the API: they are no events. */
export function carriesSamples(eventType: string): boolean {
  return eventType.startsWith('telemetry.polling') || eventType.startsWith('telemetry.api');
}

/**
 * Samples that a polling agent measured, or that were posted to the API, and that travel in a notification as
 * metering messages. They keep the sender's ids. As in the original the clock of the poller is not kept: it means
 * nothing in another process.
 *
 * Source: ceilometer `telemetry/notifications.py`.
 */
export const polledSamples: BuiltInConverter = {
  matches: carriesSamples,
  addSamples: (context) => {
    const messages = messagesOf(context.notification);
    for (const [index, message] of messages.entries()) {
      if (isJsonObject(message)) addSample(message, index, context);
      else context.report.add('E5013', `sample ${index} of the batch is left out: it is no mapping`);
    }
  },
};

function messagesOf({ payload }: Notification): readonly JsonValue[] {
  const samples = isJsonObject(payload) ? payload.samples : undefined;
  return Array.isArray(samples) ? samples : [];
}

function addSample(message: JsonObject, index: number, context: MeterContext): void {
  const { message_id: id, deployment } = message;
  const draft = {
    name: message.counter_name ?? null,
    type: message.counter_type ?? null,
    unit: message.counter_unit ?? null,
    volume: message.counter_volume ?? null,
    userId: message.user_id ?? null,
    userName: message.user_name ?? null,
    projectId: message.project_id ?? null,
    projectName: message.project_name ?? null,
    resourceId: message.resource_id ?? null,
    timestamp: message.timestamp ?? null,
    resourceMetadata: storedValue(context.notification, (notification) => metadataOf(notification, index)),
    source: typeof message.source === 'string' ? message.source : context.source,
    ...(typeof deployment === 'string' ? { deployment } : {}),
    ...(typeof id === 'string' && id !== '' ? { id } : {}),
  };
  context.collector.add(draft, 'telemetry.polling', index);
}

function metadataOf(notification: Notification, index: number): JsonObject {
  const message = messagesOf(notification)[index];
  const metadata = isJsonObject(message) ? message.resource_metadata : undefined;
  return isJsonObject(metadata) ? metadata : {};
}
