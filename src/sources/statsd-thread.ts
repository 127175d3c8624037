import { parentPort, workerData } from 'node:worker_threads';
import type { ReceiverData, ReceiverOrder } from './statsd-protocol.ts';
import { startStatsdReceiver } from './statsd-receiver.ts';

/*
 * The receiving thread: a socket that is not read for a tenth of a second loses datagrams, and the main thread may be
 * busy for longer with a large batch. With one that is busy for 300 of each 500 ms, 40 % of 100,000 datagrams a second
 * were lost in the main thread. One thread is enough: it takes more than twice that rate. Started by statsd.ts.
 */
const { settings, counts } = workerData as ReceiverData;

const receiver = startStatsdReceiver({
  settings,
  counts,
  report: (report) => {
    parentPort?.postMessage(report);
    if (report.kind === 'stopped') parentPort?.close();
  },
});

parentPort?.on('message', (order: ReceiverOrder) => {
  if (order === 'taken') receiver.taken();
  else void receiver.stop();
});
