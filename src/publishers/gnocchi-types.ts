import type { JsonObject } from '../model/json.ts';

/** A resource type as Gnocchi is told of it: attribute names to their definitions. */
export interface ResourceType {
  readonly name: string;
  readonly attributes: Readonly<Record<string, ResourceAttribute>>;
}

export interface ResourceAttribute {
  readonly type: 'string' | 'uuid' | 'datetime';
  readonly required: boolean;
  /** What resources that are there already get when a required attribute is added; null: none can be thought of. */
  readonly fill: string | null;
}

/** In the short form of the table below: `string`, `uuid`, `datetime`, with `!` when it is required. */
const FORMS: Readonly<Record<string, ResourceAttribute>> = {
  'string!': { type: 'string', required: true, fill: '' },
  string: { type: 'string', required: false, fill: null },
  'uuid!': { type: 'uuid', required: true, fill: null },
  uuid: { type: 'uuid', required: false, fill: null },
  datetime: { type: 'datetime', required: false, fill: null },
};

/** Attributes in Gnocchi as they are after the last release of `ceilometer-upgrade`. */
const TABLE: Readonly<Record<string, string>> = {
  image: 'name string!, container_format string, disk_format string',
  instance:
    'flavor_id string!, flavor_name string!, display_name string!, host string, image_ref string, ' +
    'server_group string, availability_zone string, launched_at datetime, created_at datetime, deleted_at datetime',
  instance_disk: 'name string!, instance_id uuid!',
  instance_network_interface: 'name string!, instance_id uuid!',
  volume: 'display_name string, volume_type string, volume_type_id string, image_id uuid, instance_id uuid',
  swift_account: 'storage_policy string',
  ceph_account: '',
  network: '',
  identity: '',
  ipmi: '',
  ipmi_sensor: 'node string!',
  stack: '',
  host: 'host_name string!',
  host_network_interface: 'host_name string!, device_name string',
  host_disk: 'host_name string!, device_name string',
  nova_compute: 'host_name string!',
  manila_share: 'host string!, status string!, name string, protocol string, availability_zone string',
  volume_provider: '',
  volume_provider_pool: 'provider string!',
  volume_service: 'host string, binary string, zone string, status string',
  loadbalancer: 'name string, availability_zone string, vip_address string, provider string',
  dns_zone: 'zone_name string, email string, zone_type string, pool_id string',
};

/**
 * The resource types that the shipped gnocchi_resources.yaml speaks of, and those that older files do.
 *
 * Source: ceilometer `gnocchi_client.py`, resources_initial and resources_update_operations.
 */
export const RESOURCE_TYPES: readonly ResourceType[] = Object.entries(TABLE).map(([name, text]) => ({
  name,
  attributes: readAttributes(text),
}));

/** The type of this name; null when it is none of ours. Pure. */
export function findResourceType(name: string): ResourceType | null {
  return RESOURCE_TYPES.find((type) => type.name === name) ?? null;
}

function readAttributes(text: string): Readonly<Record<string, ResourceAttribute>> {
  const entries = text === '' ? [] : text.split(', ').map((entry) => entry.split(' '));
  return Object.fromEntries(
    entries.map(([name = '', form = '']) => {
      const attribute = FORMS[form];
      if (attribute === undefined) throw new TypeError(`${name} has the form ${form}`);
      return [name, attribute];
    }),
  );
}

/** An attribute as the API has it. Pure. */
export function attributeBody({ type, required }: ResourceAttribute): JsonObject {
  return type === 'string' ? { type, required, min_length: 0, max_length: 255 } : { type, required };
}
