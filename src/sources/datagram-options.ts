import { type Config, defineOption, type Option } from '../config/option.ts';
import { createSenderCheck, requireAddress } from './datagram-senders.ts';

const GROUP = 'notification_udp';

const ENABLED = defineOption({
  group: GROUP,
  name: 'enabled',
  type: 'boolean',
  default: false,
  doc: 'Take notifications as UDP datagrams, one JSON or msgpack mapping each. For many small ones whose loss does not matter: never for what is billed.',
  since: '0.2.0',
});

const ADDRESS = defineOption({
  group: GROUP,
  name: 'address',
  type: 'string',
  default: '127.0.0.1',
  doc: 'Where to listen, a literal address. Nothing is signed: beyond loopback, name who may send in allowed_sources.',
  example: '10.0.0.5',
  since: '0.2.0',
});

const PORT = defineOption({
  group: GROUP,
  name: 'port',
  type: 'port',
  default: 4953,
  doc: 'The UDP port to listen to. 4952 is that of the collector.',
  since: '0.2.0',
});

const ALLOWED_SOURCES = defineOption({
  group: GROUP,
  name: 'allowed_sources',
  type: 'list',
  default: ['127.0.0.0/8', '::1'],
  doc: 'Networks whose datagrams are taken; all others are counted and dropped. The sender of a datagram can be forged.',
  example: '127.0.0.0/8,10.20.0.0/16',
  since: '0.2.0',
});

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

const RECEIVE_BUFFER = defineOption({
  group: GROUP,
  name: 'receive_buffer_bytes',
  type: 'integer',
  default: 8_388_608,
  min: 4096,
  unit: 'bytes',
  doc: 'What the kernel is asked to hold for bursts. It gives no more than net.core.rmem_max.',
  since: '0.2.0',
});

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
