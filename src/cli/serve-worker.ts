import { createParentLink, processPort } from '../app/workers-link.ts';
import { createWorkerProgram, type WorkerProgramParts } from '../app/workers-program.ts';
import { createDeadline } from '../component/component.ts';
import { EXIT } from './command.ts';

/** What an orphan may take to let go of its brokers. */
const ORPHAN_MILLIS = 1_000;
const LOG_CLOSE_MILLIS = 500;

/**
 * The life of a worker: as long as the serving process wants it, and not a moment longer than that process lives. Signals
 * are not for it: a terminal or systemd sends them to all processes at once, and the serving one stops its workers in
 * order.
 */
export async function serveAsWorker(parts: Omit<WorkerProgramParts, 'parent'>): Promise<number> {
  const port = processPort();
  if (port === null) return EXIT.usage;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  const parent = createParentLink(port);
  try {
    const worker = createWorkerProgram({ ...parts, parent });
    const ended = Promise.withResolvers<boolean>();
    parent.onStop((millis) => {
      if (!process.connected) endForSure();
      worker.stop(createDeadline(millis)).then(ended.resolve, ended.reject);
    });
    await worker.start();
    await parent.started();
    return (await ended.promise) ? EXIT.done : EXIT.failed;
  } catch (thrown) {
    await parent.failed(thrown);
    return EXIT.failed;
  } finally {
    await parts.log.close(LOG_CLOSE_MILLIS);
    if (process.connected) process.disconnect();
  }
}

/** Whatever hangs: nobody is left who could end this process. */
function endForSure(): void {
  setTimeout(() => process.exit(EXIT.failed), ORPHAN_MILLIS).unref();
}
