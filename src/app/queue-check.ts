import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Component } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { listSpoolFiles } from '../publishers/spool-files.ts';

/** What the check needs. */
export interface QueueCheckParts {
  /** Where the queues on disk are, one directory each. */
  readonly directory: string;
  /** Those that have a publisher. */
  readonly queues: ReadonlySet<string>;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/**
 * Looks once, at the start, for queues on disk that no publisher sends from any more: its URL has left the pipeline
 * file, or names another target now. They are logged (E8009) and counted; nothing is deleted, and the program runs.
 */
export function createQueueCheck({ directory, queues, log, metrics }: QueueCheckParts): Component {
  const orphaned = metrics
    .gauge(
      'nephoscope_publisher_orphaned_batches',
      'Batches in queues on disk that have no publisher any more.',
    )
    .child();
  return {
    name: 'queue-check',
    start: async () => {
      let total = 0;
      for (const { path, batches, items } of await findOrphans(directory, queues)) {
        total += batches;
        const message = `${items} items in ${batches} batches in ${path} have no publisher`;
        log.warn({ err: new NephoscopeError('E8009', message) }, 'Queue on disk is not sent');
      }
      orphaned.set(total);
    },
    stop: () => Promise.resolve(),
    status: () => ({ state: 'ok' }),
  };
}

interface Orphan {
  readonly path: string;
  readonly batches: number;
  readonly items: number;
}

/** What cannot be read is left out: the check must not keep the program from running. */
async function findOrphans(directory: string, queues: ReadonlySet<string>): Promise<readonly Orphan[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const orphans: Orphan[] = [];
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (!entry.isDirectory() || queues.has(path)) continue;
    const files = await listSpoolFiles(path).catch(() => []);
    const items = files.reduce((sum, file) => sum + file.items, 0);
    if (files.length > 0) orphans.push({ path, batches: files.length, items });
  }
  return orphans;
}
