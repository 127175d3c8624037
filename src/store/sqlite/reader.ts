import type { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { openDatabase } from './database.ts';
import { toStoreError } from './errors.ts';
import { ReadContext } from './read-context.ts';
import { READ_METHODS } from './read-methods.ts';
import type { ReadAnswer, ReaderData, ReadRequest } from './reader-protocol.ts';

/*
 * The reader thread: answers one request after the other on a connection of its own, so that long reads never stop
 * the thread that records. Started by reader-client.ts.
 */
const { path, cacheKibibytes, cancelled } = workerData as ReaderData;

let database: DatabaseSync | undefined;
let context: ReadContext | undefined;
let current = 0;

function connect(): ReadContext {
  if (context !== undefined) return context;
  database = openDatabase(path, { readOnly: true, cacheKibibytes });
  context = new ReadContext(database, () => Atomics.load(cancelled, 0) === current);
  return context;
}

function answer(request: ReadRequest): ReadAnswer {
  const { number, method } = request;
  current = number;
  try {
    const open = connect();
    // The client's types tie the arguments to the method.
    const read = READ_METHODS[method] as (...values: readonly unknown[]) => unknown;
    return { number, value: open.query(() => read(open, ...request.arguments)) };
  } catch (thrown) {
    const { code, message, hint, retry } = toStoreError(thrown, `read ${method}`);
    return { number, error: { code, message, hint, retry } };
  }
}

parentPort?.on('message', (request: ReadRequest) => parentPort?.postMessage(answer(request)));
