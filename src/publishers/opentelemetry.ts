import type { Sample } from '../model/sample.ts';
import { HttpError, quoted } from './http-errors.ts';
import { createHttpPublisher, createHttpTarget, type HttpTarget, OVER_HTTP_OR_TLS } from './http-target.ts';
import { exportRequest } from './opentelemetry-json.ts';
import type {
  Publisher,
  PublisherContext,
  PublisherDefinition,
  PublisherUrl,
  PublishResult,
} from './publisher.ts';

/**
 * `opentelemetryhttp://`: OTLP over HTTP in JSON, one request per batch (OTLP specification 1.x; reference:
 * samples-and-events.md section 5 for the URL and the names). The original's requests are no OTLP in several ways; these
 * are what receivers expect.
 *
 * A receiver may take a request and say that it threw some points away, but not which; repeating is forbidden then. They
 * are counted, and the rejection is reported per sample only when it concerns all of them.
 */
export const OPENTELEMETRY_PUBLISHER: PublisherDefinition = {
  schemes: ['opentelemetryhttp'],
  summary: 'Sends samples as metrics to an OpenTelemetry collector, by OTLP over HTTP in JSON.',
  form: 'opentelemetryhttp://[USER:PASSWORD@]HOST[:PORT]/v1/metrics',
  examples: [
    'opentelemetryhttp://127.0.0.1:4318/v1/metrics',
    'opentelemetryhttp://otel.example.org/v1/metrics?ssl=1',
  ],
  ...OVER_HTTP_OR_TLS,
  samples: createPublisher,
};

const HEADERS = { 'content-type': 'application/json' };

function createPublisher(url: PublisherUrl, context: PublisherContext): Publisher<Sample> {
  const target = createHttpTarget(url, context, { usualPath: '/v1/metrics' });
  const refusals = new Refusals(target, context);
  return createHttpPublisher(target, context.name, async (samples, signal) => {
    const answer = await target.post({ headers: HEADERS, body: exportRequest(samples) }, signal);
    return refusals.judge(partialSuccessOf(answer.text), samples.length);
  });
}

interface PartialSuccess {
  readonly rejectedDataPoints: number;
  readonly errorMessage: string;
}

/** What receivers throw away although they took the request. */
class Refusals {
  readonly #target: HttpTarget;
  readonly #context: PublisherContext;
  readonly #count: { add(amount: number): void };
  #lastSaid: string | null = null;

  constructor(target: HttpTarget, context: PublisherContext) {
    this.#target = target;
    this.#context = context;
    this.#count = context.metrics
      .counter(
        'nephoscope_opentelemetry_refused_points_total',
        'Data points that the OpenTelemetry receiver took and threw away, by its own account.',
        ['publisher'],
      )
      .child(context.name);
  }

  judge({ rejectedDataPoints, errorMessage }: PartialSuccess, count: number): PublishResult {
    const refused = Math.min(rejectedDataPoints, count);
    this.#count.add(refused);
    this.#warn(refused, errorMessage);
    if (refused < count || count === 0) return { accepted: count, duplicates: [], rejected: [] };
    const error = new HttpError(
      'E8020',
      `${this.#target.shown} threw the points away${quoted(errorMessage)}`,
    );
    return {
      accepted: 0,
      duplicates: [],
      rejected: Array.from({ length: count }, (_, index) => ({ index, error })),
    };
  }

  /** A receiver that says the same of every batch is heard once. */
  #warn(refused: number, message: string): void {
    const said = refused === 0 && message === '' ? null : message.slice(0, 500);
    if (said === this.#lastSaid) return;
    this.#lastSaid = said;
    if (said === null) return;
    this.#context.log.warn({ refused, said }, 'OpenTelemetry receiver took a batch with reservations');
  }
}

/** Receivers answer `{}` or leave the body out; whatever else is no such object says nothing. */
function partialSuccessOf(text: string): PartialSuccess {
  const { rejectedDataPoints, errorMessage } = fieldsOf(fieldsOf(parsed(text))['partialSuccess']);
  const count = Number(rejectedDataPoints ?? 0);
  return {
    rejectedDataPoints: Number.isSafeInteger(count) && count > 0 ? count : 0,
    errorMessage: typeof errorMessage === 'string' ? errorMessage : '',
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
