import { createAmqpNotificationSources } from './amqp-notifications.ts';
import type { Source, SourceContext, SourceFactory } from './source.ts';

/** Every kind of source, by name. */
export const SOURCE_FACTORIES: Readonly<Record<string, SourceFactory>> = {
  'amqp-notifications': createAmqpNotificationSources,
};

/** All sources the configuration asks for. Throws what the factories throw. */
export function createSources(context: SourceContext): readonly Source[] {
  return Object.values(SOURCE_FACTORIES).flatMap((create) => create(context));
}
