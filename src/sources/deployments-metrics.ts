import type { NephoscopeError } from '../component/errors.ts';
import type { Metrics } from '../observe/metrics.ts';

/** What is counted about the broker of a deployment. Labels: the source, and error codes. */
export interface BrokerMetrics {
  /** Whether the messages of this source can arrive at the moment. */
  setConnected(connected: boolean): void;
  /** A failed attempt to connect, a lost connection, a repair; by its code. */
  trouble(error: NephoscopeError): void;
  /** Queues, exchanges and bindings that are not as they should be, by code. Replaces what was set before. */
  setProblems(codes: readonly string[]): void;
  setForeignConsumers(count: number): void;
}

/** The series of one source. */
export function brokerMetrics(metrics: Metrics, source: string): BrokerMetrics {
  const connected = metrics
    .gauge('nephoscope_source_connected', 'Whether the source listens to its broker: 1, else 0.', ['source'])
    .child(source);
  const troubles = metrics.counter(
    'nephoscope_source_trouble_total',
    'What went wrong with a broker, by error code: failed attempts, lost connections, repairs.',
    ['source', 'code'],
  );
  const problems = metrics.gauge(
    'nephoscope_source_problems',
    'Queues, exchanges and bindings that are not as they should be, by error code.',
    ['source', 'code'],
  );
  const foreign = metrics
    .gauge('nephoscope_source_foreign_consumers', 'Consumers of the same queues that are not ours.', [
      'source',
    ])
    .child(source);
  const known = new Set<string>();
  return {
    setConnected: (is) => connected.set(is ? 1 : 0),
    trouble: ({ code }) => troubles.child(source, code).add(),
    setProblems: (codes) => {
      for (const code of known) problems.child(source, code).set(0);
      for (const code of codes) {
        known.add(code);
        problems.child(source, code).add();
      }
    },
    setForeignConsumers: (count) => foreign.set(count),
  };
}
