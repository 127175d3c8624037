import { createDatagramNotificationSources } from './datagram-notifications.ts';
import { createNotificationSources } from './deployments-sources.ts';
import type { Source, SourceContext, SourceFactory } from './source.ts';

/** Every kind of source, by name. */
export const SOURCE_FACTORIES: Readonly<Record<string, SourceFactory>> = {
  notifications: createNotificationSources,
  'notification-udp': createDatagramNotificationSources,
};

/** All sources the configuration asks for, of the kinds that are `wanted`. Throws what the factories throw. */
export function createSources(
  context: SourceContext,
  wanted: (kind: string) => boolean = () => true,
): readonly Source[] {
  return Object.entries(SOURCE_FACTORIES).flatMap(([kind, create]) => (wanted(kind) ? create(context) : []));
}
