import type { ComponentStatus } from '../component/component.ts';
import { NephoscopeError, toError } from '../component/errors.ts';
import { FileAppender, type Rotation } from './file-appender.ts';
import { eventJsonLine, eventPythonLine, sampleJsonLine, samplePythonLine } from './file-format.ts';
import { LineEncoder } from './line-encoder.ts';
import type {
  Publisher,
  PublisherContext,
  PublisherDefinition,
  PublisherUrl,
  PublishResult,
  Rejection,
  UrlParameter,
} from './publisher.ts';

const MAX_BYTES = {
  name: 'max_bytes',
  type: 'integer',
  default: null,
  min: 0,
  unit: 'bytes',
  doc: 'Size at which a new file begins. Counts only together with `backup_count`, and when neither is 0.',
} as const satisfies UrlParameter;

const BACKUP_COUNT = {
  name: 'backup_count',
  type: 'integer',
  default: null,
  min: 0,
  max: 10_000,
  unit: 'files',
  doc: 'How many old files are kept, as `PATH.1`, `PATH.2` and so on.',
} as const satisfies UrlParameter;

const JSON_LINES = {
  name: 'json',
  type: 'flag',
  default: false,
  doc: 'One JSON document in each line, whatever the value. Without it a line is what Python prints of the mapping.',
} as const satisfies UrlParameter;

const SYNC = {
  name: 'sync',
  type: 'boolean',
  default: true,
  doc: 'Whether a batch counts as delivered when it is on the disk (one flush each), or when the system has it, which loses it with a loss of power.',
} as const satisfies UrlParameter;

/**
 * `file://`: appends a line for each sample or event (reference: samples-and-events.md section 5). A file that cannot be written
 * now, on a full disk for example, is tried again; nothing is lost and no half line is left in it.
 */
export const FILE_PUBLISHER: PublisherDefinition = {
  schemes: ['file'],
  summary:
    'Appends a line for each sample or event to a file, whole batches at a time. Missing directories are made. The file may be rotated by others at any time.',
  form: 'file:///PATH',
  examples: [
    'file:///var/log/nephoscope/samples.jsonl?json',
    'file:///var/log/nephoscope/samples?max_bytes=100000000&backup_count=5&json',
  ],
  parameters: [MAX_BYTES, BACKUP_COUNT, JSON_LINES, SYNC],
  delivery: { batchSize: 2_000 },
  samples: (url, context) =>
    filePublisher(url, context, url.get(JSON_LINES) ? sampleJsonLine : samplePythonLine),
  events: (url, context) =>
    filePublisher(url, context, url.get(JSON_LINES) ? eventJsonLine : eventPythonLine),
};

function filePublisher<Item>(
  url: PublisherUrl,
  { name, log }: PublisherContext,
  toLine: (item: Item) => string,
): Publisher<Item> {
  const path = readPath(url);
  const appender = new FileAppender({ path, syncs: url.get(SYNC), rotation: readRotation(url) });
  const encoder = new LineEncoder();
  let status: ComponentStatus = { state: 'stopped', reason: 'It was not started' };
  return {
    name,
    // A file that cannot be opened now may be tomorrow: the runner tries again with each batch.
    start: async () => {
      status = { state: 'ok' };
      await appender.open().catch((error: NephoscopeError) => {
        status = { state: 'degraded', reason: `${error.code} ${error.message}` };
        log.warn({ err: error }, 'File cannot be opened yet');
      });
    },
    stop: async () => {
      status = { state: 'stopped', reason: 'It was stopped' };
      await appender.close();
    },
    status: () => status,
    publish: async (items) => {
      const rejected = encodeAll(items, toLine, encoder);
      await appender.append(encoder.finish());
      status = { state: 'ok' };
      return { accepted: items.length - rejected.length, duplicates: [], rejected } satisfies PublishResult;
    },
  };
}

function readPath({ host, path, shown }: PublisherUrl): string {
  if (host === null && path.length > 1 && !path.endsWith('/') && !path.includes('\0')) return path;
  const hint =
    host === null
      ? 'Write file:///var/log/nephoscope/samples.jsonl?json, for example.'
      : `Write three slashes: file:///${host}${path}`;
  throw new NephoscopeError('E1113', `${shown} names no file by its absolute path`, { hint });
}

function readRotation(url: PublisherUrl): Rotation | null {
  const maxBytes = url.get(MAX_BYTES) ?? 0;
  const backupCount = url.get(BACKUP_COUNT) ?? 0;
  return maxBytes > 0 && backupCount > 0 ? { maxBytes, backupCount } : null;
}

function encodeAll<Item>(
  items: readonly Item[],
  toLine: (item: Item) => string,
  encoder: LineEncoder,
): readonly Rejection[] {
  const rejected: Rejection[] = [];
  encoder.begin();
  for (let index = 0; index < items.length; index++) {
    try {
      encoder.add(`${toLine(items[index] as Item)}\n`);
    } catch (thrown) {
      const message = `An item cannot be written as text: ${toError(thrown).message}`;
      rejected.push({ index, error: new NephoscopeError('E8052', message, { cause: thrown }) });
    }
  }
  return rejected;
}
