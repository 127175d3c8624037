import { API_OPTIONS } from '../api/options.ts';
import { BUS_OPTIONS } from '../bus/options.ts';
import type { Option } from '../config/option.ts';
import { NOTIFICATION_OPTIONS } from '../notification/options.ts';
import { LOG_OPTIONS } from '../observe/options.ts';
import { PIPELINE_OPTIONS } from '../pipeline/options.ts';
import { POLLING_OPTIONS } from '../polling/options.ts';
import { SOURCE_OPTIONS } from '../sources/options.ts';
import { STORE_OPTIONS } from '../store/options.ts';

/** Every option of the program: what is not here is reported as having no effect. */
export const OPTIONS: readonly Option[] = [
  ...LOG_OPTIONS,
  ...PIPELINE_OPTIONS,
  ...NOTIFICATION_OPTIONS,
  ...BUS_OPTIONS,
  ...SOURCE_OPTIONS,
  ...POLLING_OPTIONS,
  ...STORE_OPTIONS,
  ...API_OPTIONS,
];
