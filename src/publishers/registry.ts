import { FILE_PUBLISHER } from './file.ts';
import { GNOCCHI_PUBLISHER } from './gnocchi.ts';
import { HTTP_PUBLISHER } from './http.ts';
import { NOTIFIER_PUBLISHER } from './notifier.ts';
import { OPENTELEMETRY_PUBLISHER } from './opentelemetry.ts';
import { PROMETHEUS_PUBLISHER } from './prometheus.ts';
import { PROMETHEUS_SCRAPE_PUBLISHER } from './prometheus-scrape.ts';
import type { PublisherDefinition } from './publisher.ts';
import { REMOTE_WRITE_PUBLISHER } from './remote-write.ts';
import { STORE_PUBLISHER } from './store.ts';
import { TCP_PUBLISHER } from './tcp.ts';
import { TEST_PUBLISHER } from './test.ts';
import { UDP_PUBLISHER } from './udp.ts';
import { ZAQAR_PUBLISHER } from './zaqar.ts';

/** Every publisher there is. A new one is its file, its test and a line here. */
export const PUBLISHERS: readonly PublisherDefinition[] = [
  STORE_PUBLISHER,
  FILE_PUBLISHER,
  HTTP_PUBLISHER,
  PROMETHEUS_PUBLISHER,
  REMOTE_WRITE_PUBLISHER,
  PROMETHEUS_SCRAPE_PUBLISHER,
  OPENTELEMETRY_PUBLISHER,
  NOTIFIER_PUBLISHER,
  GNOCCHI_PUBLISHER,
  ZAQAR_PUBLISHER,
  TEST_PUBLISHER,
  UDP_PUBLISHER,
  TCP_PUBLISHER,
];
