import { type Config, defineOption, type Option } from '../config/option.ts';
import { createSenderCheck, requireAddress } from './datagram-senders.ts';
import {
  defineAddressOption,
  defineAllowedSourcesOption,
  defineReceiveBufferOption,
} from './receiver-options.ts';

const GROUP = 'notification_udp';

const ENABLED = defineOption({
  group: GROUP,
  name: 'enabled',
  type: 'boolean',
  default: false,
  doc: 'Take notifications as UDP datagrams, one JSON or msgpack mapping each. For many small ones whose loss does not matter: never for what is billed.',
  since: '0.2.0',
});

const ADDRESS = defineAddressOption(GROUP, 'Nothing is signed');

const PORT = defineOption({
  group: GROUP,
  name: 'port',
  type: 'port',
  default: 4953,
  doc: 'The UDP port to listen to. 4952 is that of the collector.',
  since: '0.2.0',
});

const ALLOWED_SOURCES = defineAllowedSourcesOption(GROUP);

const MAX_WAITING = defineOption({
  group: GROUP,
  name: 'max_waiting',
  type: 'integer',
  default: 10_000,
  min: 1,
  unit: 'messages',
  doc: 'The most notifications that wait to be processed; what comes then is counted and dropped.',
  since: '0.2.0',
});

const RECEIVE_BUFFER = defineReceiveBufferOption(GROUP);

/** All options of notifications by UDP. */
export const DATAGRAM_OPTIONS = [
  ENABLED,
  ADDRESS,
  PORT,
  ALLOWED_SOURCES,
  MAX_WAITING,
  RECEIVE_BUFFER,
] as const satisfies readonly Option[];

/** What the configuration says about notifications by UDP. */
export interface DatagramSettings {
  readonly address: string;
  readonly port: number;
  readonly isAllowed: (address: string) => boolean;
  readonly maxWaiting: number;
  readonly receiveBufferBytes: number;
}

/** The settings; null when it is off. Throws a permanent `NephoscopeError` (E5040) for no address or no network. */
export function readDatagramSettings(config: Config): DatagramSettings | null {
  if (!config.get(ENABLED)) return null;
  return {
    address: requireAddress(config.get(ADDRESS), `[${GROUP}] address`),
    port: config.get(PORT),
    isAllowed: createSenderCheck(config.get(ALLOWED_SOURCES), `[${GROUP}] allowed_sources`),
    maxWaiting: config.get(MAX_WAITING),
    receiveBufferBytes: config.get(RECEIVE_BUFFER),
  };
}
