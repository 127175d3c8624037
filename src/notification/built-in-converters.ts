import type { BuiltInConverter } from './built-in-converter.ts';
import { httpMiddleware } from './http-middleware.ts';
import { ironicSensors } from './ironic-sensors.ts';
import { polledSamples } from './polled-samples.ts';

/** All built-in converters; more than one may take a notification. */
export const BUILT_IN_CONVERTERS: readonly BuiltInConverter[] = [
  httpMiddleware,
  ironicSensors,
  polledSamples,
];
