import { brokersCheck } from './brokers.ts';
import { configurationCheck } from './configuration.ts';
import { filesCheck } from './files.ts';
import type { DoctorCheck } from './finding.ts';
import { kernelCheck } from './kernel.ts';
import { programCheck } from './program.ts';
import { secretsCheck } from './secrets.ts';
import { serverCheck } from './server.ts';
import { storeCheck } from './store.ts';

/** Everything `nephoscope doctor` looks at, in the order in which it is shown. */
export const CHECKS: readonly DoctorCheck[] = [
  programCheck,
  configurationCheck,
  filesCheck,
  secretsCheck,
  kernelCheck,
  brokersCheck,
  storeCheck,
  serverCheck,
];
