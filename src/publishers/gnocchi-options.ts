import { defineOption, type Option } from '../config/option.ts';

export const CACHE_EXPIRATION = defineOption({
  group: 'cache',
  name: 'expiration_time',
  type: 'integer',
  default: 600,
  doc:
    'How long the attributes a resource was told to Gnocchi with are remembered: within this time only changes are ' +
    'sent. Each process remembers for itself.',
  unit: 'seconds',
  min: 1,
  since: '0.2.0',
});

/** Options of `gnocchi://` besides the credentials. */
export const GNOCCHI_OPTIONS: readonly Option[] = [CACHE_EXPIRATION];
