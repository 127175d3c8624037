import { defineOption } from '../config/option.ts';

/** `address` of a source that listens to UDP. `doubt` says why not everyone is to be believed there. Pure. */
export function defineAddressOption(group: string, doubt: string) {
  return defineOption({
    group,
    name: 'address',
    type: 'string',
    default: '127.0.0.1',
    doc: `Where to listen, a literal address. ${doubt}: beyond loopback, name who may send in allowed_sources.`,
    example: '10.0.0.5',
    since: '0.2.0',
  });
}

/** `allowed_sources` of a source that listens to UDP; see `createSenderCheck`. Pure. */
export function defineAllowedSourcesOption(group: string) {
  return defineOption({
    group,
    name: 'allowed_sources',
    type: 'list',
    default: ['127.0.0.0/8', '::1'],
    doc: 'Networks whose datagrams are taken; all others are counted and dropped. The sender of a datagram can be forged.',
    example: '127.0.0.0/8,10.20.0.0/16',
    since: '0.2.0',
  });
}

/** `receive_buffer_bytes` of a source that listens to UDP. Pure. */
export function defineReceiveBufferOption(group: string) {
  return defineOption({
    group,
    name: 'receive_buffer_bytes',
    type: 'integer',
    default: 8_388_608,
    min: 4096,
    unit: 'bytes',
    doc: 'What the kernel is asked to hold for bursts. It gives no more than net.core.rmem_max.',
    since: '0.2.0',
  });
}
