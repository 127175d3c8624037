import type { Logger } from '../observe/logger.ts';
import type { ApiError } from './errors.ts';

/** Logs requests that failed through no fault of the client. */
export interface FailureLog {
  report(
    error: ApiError,
    request: { readonly id: string; readonly method: string; readonly url: string },
  ): void;
}

const REPEAT_MILLIS = 10_000;

/**
 * A log that is loud once: the same failure is logged again only after ten seconds, with the number of those left
 * out meanwhile, because a store that is away fails every request.
 */
export function createFailureLog(
  logger: Logger,
  nowMillis: () => number = () => performance.now(),
): FailureLog {
  let last = { text: '', atMillis: 0, omitted: 0 };
  return {
    report: (error, { id, method, url }) => {
      const text = `${error.code} ${error.message}`;
      const now = nowMillis();
      if (text === last.text && now - last.atMillis < REPEAT_MILLIS) {
        last.omitted++;
        return;
      }
      const { omitted } = last;
      last = { text, atMillis: now, omitted: 0 };
      const fields = {
        requestId: id,
        method,
        path: url.split('?', 1)[0],
        code: error.code,
        err: error.cause ?? error,
      };
      logger.error(omitted === 0 ? fields : { ...fields, omitted }, 'Request failed');
    },
  };
}
