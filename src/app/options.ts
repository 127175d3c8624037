import { API_OPTIONS } from '../api/options.ts';
import { BUS_OPTIONS } from '../bus/options.ts';
import { COLLECTOR_OPTIONS } from '../collector/options.ts';
import type { Option } from '../config/option.ts';
import { NOTIFICATION_OPTIONS } from '../notification/options.ts';
import { LOG_OPTIONS } from '../observe/options.ts';
import { OPENSTACK_OPTIONS } from '../openstack/options.ts';
import { PIPELINE_OPTIONS } from '../pipeline/options.ts';
import { POLLING_OPTIONS } from '../polling/options.ts';
import { GNOCCHI_OPTIONS } from '../publishers/gnocchi-options.ts';
import { HTTP_PUBLISHER_OPTIONS } from '../publishers/http-options.ts';
import { NOTIFIER_OPTIONS } from '../publishers/notifier-options.ts';
import { SIGNING_OPTIONS } from '../publishers/signing.ts';
import { DATAGRAM_OPTIONS } from '../sources/datagram-options.ts';
import { SOURCE_OPTIONS } from '../sources/options.ts';
import { STATSD_OPTIONS } from '../sources/statsd-options.ts';
import { STORE_OPTIONS } from '../store/options.ts';

/** Every option of the program: what is not here is reported as having no effect. */
export const OPTIONS: readonly Option[] = [
  ...LOG_OPTIONS,
  ...PIPELINE_OPTIONS,
  ...NOTIFICATION_OPTIONS,
  ...BUS_OPTIONS,
  ...SOURCE_OPTIONS,
  ...POLLING_OPTIONS,
  ...SIGNING_OPTIONS,
  ...COLLECTOR_OPTIONS,
  ...HTTP_PUBLISHER_OPTIONS,
  ...OPENSTACK_OPTIONS,
  ...GNOCCHI_OPTIONS,
  ...NOTIFIER_OPTIONS,
  ...DATAGRAM_OPTIONS,
  ...STATSD_OPTIONS,
  ...STORE_OPTIONS,
  ...API_OPTIONS,
];
