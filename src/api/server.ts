import { randomUUID } from 'node:crypto';
import type { Component, ComponentStatus, Deadline } from '../component/component.ts';
import { NephoscopeError, toError } from '../component/errors.ts';
import type { Config } from '../config/option.ts';
import type { Intake } from '../notification/intake.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Taps } from '../observe/taps.ts';
import type { Store } from '../store/store.ts';
import { type ApiApplication, createApplication } from './application.ts';
import { checkApiAddress } from './loopback.ts';
import {
  API_DEFAULT_RETURN_LIMIT,
  API_MAX_REQUEST_BYTES,
  API_MAXIMUM_RETURN_ITEMS,
  API_PORT,
} from './options.ts';
import { createRequestMetrics } from './request-metrics.ts';
import type { ApiContext } from './route.ts';

/** What an API server is made of. */
export interface ApiServerParts {
  /** Only the options of `options.ts` are read, once. */
  readonly config: Pick<Config, 'get'>;
  readonly store: Store;
  readonly intake: Intake;
  readonly metrics: Metrics;
  readonly taps: Taps;
  readonly statuses: () => readonly { readonly name: string; readonly status: ComponentStatus }[];
  readonly logger: Logger;
}

/** The HTTP server of the telemetry API and of nephoscope's own endpoints. */
export interface ApiServer extends Component {
  /** `http://127.0.0.1:8777`: where it listens, or is to listen while it does not. */
  address(): string;
}

/**
 * An API server; nothing listens before `start`. Throws a `NephoscopeError` (E4012) for an address that is not
 * loopback. `start` rejects with E4013 when the address cannot be bound.
 */
export function createApiServer({ config, logger, ...parts }: ApiServerParts): ApiServer {
  const host = checkApiAddress(config);
  // Registered here as well, so that they are listed before the first start.
  createRequestMetrics(parts.metrics);
  const limits = {
    defaultReturnLimit: config.get(API_DEFAULT_RETURN_LIMIT),
    maximumReturnItems: config.get(API_MAXIMUM_RETURN_ITEMS),
    maxRequestBytes: config.get(API_MAX_REQUEST_BYTES),
  };
  return new HttpApiServer({ host, port: config.get(API_PORT), context: { ...parts, limits }, logger });
}

interface Settings {
  readonly host: string;
  readonly port: number;
  readonly context: ApiContext;
  readonly logger: Logger;
}

class HttpApiServer implements ApiServer {
  readonly name = 'api';
  readonly #settings: Settings;
  #status: ComponentStatus = { state: 'stopped', reason: 'not started' };
  #application: ApiApplication | null = null;
  #starting: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async start(): Promise<void> {
    await this.#stopping;
    this.#starting ??= this.#listen();
    try {
      await this.#starting;
    } catch (thrown) {
      this.#starting = null;
      throw thrown;
    }
  }

  stop(deadline: Deadline): Promise<void> {
    this.#stopping ??= this.#close(deadline).finally(() => {
      this.#stopping = null;
    });
    return this.#stopping;
  }

  status(): ComponentStatus {
    return this.#status;
  }

  address(): string {
    const { host, port } = this.#settings;
    return baseUrl(host, this.#application?.port() ?? port);
  }

  async #listen(): Promise<void> {
    const { host, port, logger, context } = this.#settings;
    this.#status = { state: 'starting', reason: 'not listening yet' };
    const application = createApplication(context, logger, () => `req-${randomUUID()}`);
    try {
      await application.listen(host, port);
    } catch (thrown) {
      await application.close(AbortSignal.abort());
      const error = listenError(thrown, baseUrl(host, port));
      this.#status = { state: 'failed', reason: error.message };
      throw error;
    }
    this.#application = application;
    this.#status = { state: 'ok' };
    logger.info({ address: this.address() }, 'API is listening');
  }

  async #close(deadline: Deadline): Promise<void> {
    // A start under way is let finish first: it only binds a socket.
    await this.#starting?.catch(() => {});
    const application = this.#application;
    this.#status = { state: 'stopped', reason: 'stopped' };
    // A live view would be waited for to the end of its time.
    this.#settings.context.taps.closeAll();
    if (application !== null) await application.close(deadline.signal);
    this.#application = null;
    this.#starting = null;
  }
}

function baseUrl(host: string, port: number): string {
  return `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
}

function listenError(thrown: unknown, address: string): NephoscopeError {
  const error = toError(thrown);
  const code = 'code' in error ? error.code : undefined;
  const why = code === 'EADDRINUSE' ? 'another program listens there' : error.message;
  return new NephoscopeError('E4013', `The API cannot listen on ${address}: ${why}`, { cause: thrown });
}
