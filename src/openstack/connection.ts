import type { Component, ComponentState } from '../component/component.ts';
import type { Logger } from '../observe/logger.ts';
import type { ServiceClient } from './service-client.ts';

/**
 * The life of a service client as a component. Starting reads the TLS files (permanent E8035) and connects to nothing:
 * the first request does; stopping ends all connections.
 */
export function createConnection(
  name: string,
  client: ServiceClient,
  settings: { readonly insecure: boolean; readonly log: Logger },
): Component {
  let state: ComponentState = 'stopped';
  return {
    name,
    async start() {
      if (settings.insecure) settings.log.warn('Certificates are not verified: insecure is set');
      await client.open();
      state = 'ok';
    },
    async stop() {
      state = 'stopped';
      await client.close();
    },
    status: () => (state === 'ok' ? { state } : { state, reason: 'not started' }),
  };
}
