import { sampleId } from '../lib/sample-id.ts';
import type { StatsdIdentity } from '../lib/statsd-name.ts';
import { formatUtc } from '../lib/timestamp.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';
import type { SeriesEntry } from './statsd-source-table.ts';

/** What the operator decides about the samples. */
export interface SampleSettings {
  /** Before each meter name. */
  readonly meterPrefix: string;
  /** Whether the tags `project_id` and `user_id` are believed. Anyone may send anything by UDP. */
  readonly trustIds: boolean;
  /** This machine: the resource of what comes from its own loopback. */
  readonly host: string;
}

/** Makes samples of the figures of a series. */
export interface SampleMaker {
  /** The samples of the flush at this time, microseconds since the epoch. */
  at(nowMicros: number): (address: string, entry: SeriesEntry) => readonly Sample[];
}

/**
 * The mapping of a series to samples: meter = prefix, name and what the figure is; the resource is the tag `resource_id`,
 * else the address of the sender, else this machine for its own loopback; the unit is the tag `unit` when there is one.
 * All other tags are metadata, with the address of the sender under `sender`, which no tag can replace. Samples have the
 * source `statsd`. A figure beyond what a double holds is left out, and `onNotFinite` called.
 */
export function createSampleMaker(settings: SampleSettings, onNotFinite: () => void): SampleMaker {
  const known = new WeakMap<SeriesEntry, Common>();
  const commonTo = (entry: SeriesEntry, address: string): Common => {
    const common = known.get(entry) ?? commonOf(entry.identity, address, settings);
    known.set(entry, common);
    return common;
  };
  return {
    at: (timestampMicros) => {
      const timestamp = formatUtc(timestampMicros);
      return (address, entry) => {
        const figures = entry.series.close();
        if (figures.length === 0) return [];
        const common = commonTo(entry, address);
        return figures.flatMap(({ suffix, type, unit, volume }): Sample[] => {
          if (!Number.isFinite(volume)) {
            onNotFinite();
            return [];
          }
          const name = `${settings.meterPrefix}${entry.identity.name}${suffix}`;
          const id = sampleId(timestampMicros, 'statsd', name, address, entry.tagsKey);
          return [
            sampleOf(common, {
              id,
              name,
              type,
              unit: suffix === '.count' ? unit : (common.unit ?? unit),
              volume,
              timestamp,
              timestampMicros,
            }),
          ];
        });
      };
    },
  };
}

interface Common {
  readonly resourceId: string;
  readonly projectId: string | null;
  readonly userId: string | null;
  readonly unit: string | null;
  readonly metadata: JsonObject;
}

type Particular = Pick<Sample, 'id' | 'name' | 'type' | 'unit' | 'volume' | 'timestamp' | 'timestampMicros'>;

function sampleOf(common: Common, particular: Particular): Sample {
  return {
    id: particular.id,
    name: particular.name,
    type: particular.type,
    unit: particular.unit,
    volume: particular.volume,
    userId: common.userId,
    userName: null,
    projectId: common.projectId,
    projectName: null,
    resourceId: common.resourceId,
    timestamp: particular.timestamp,
    timestampMicros: particular.timestampMicros,
    resourceMetadata: common.metadata,
    source: 'statsd',
    deployment: null,
    monotonicTime: null,
  };
}

function commonOf({ tags }: StatsdIdentity, address: string, settings: SampleSettings): Common {
  const taken: Record<string, string> = {};
  const metadata: [string, JsonValue][] = [];
  const names = settings.trustIds ? TRUSTED_TAGS : OWN_TAGS;
  for (const [name, value] of tags) {
    if (names.includes(name) && value !== true && value !== '') taken[name] = value;
    else metadata.push([name, value]);
  }
  return {
    resourceId: taken['resource_id'] ?? (isLoopback(address) ? settings.host : address),
    projectId: taken['project_id'] ?? null,
    userId: taken['user_id'] ?? null,
    unit: taken['unit'] ?? null,
    // fromEntries defines what it makes, so that a tag called __proto__ is a key like any other.
    metadata: Object.fromEntries([...metadata, ['sender', address]]),
  };
}

const OWN_TAGS: readonly string[] = ['resource_id', 'unit'];
const TRUSTED_TAGS: readonly string[] = [...OWN_TAGS, 'project_id', 'user_id'];

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
