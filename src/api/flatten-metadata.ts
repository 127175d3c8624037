import { parseExact } from '../lib/exact-json.ts';
import { pythonStr } from '../lib/python-text.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';

/** Metadata as API v2 shows them: one level deep, all values text. */
export type FlatMetadata = Readonly<Record<string, string>>;

/**
 * Gives a function that reads stored metadata text and flattens it. The samples of a resource mostly carry the same
 * metadata, so it remembers what it has seen: make one per answer.
 */
export function createMetadataReader(): (metadataJson: string) => FlatMetadata {
  const seen = new Map<string, FlatMetadata>();
  return (metadataJson) => {
    let flat = seen.get(metadataJson);
    if (flat === undefined) {
      const document = parseExact(metadataJson);
      flat = isJsonObject(document) ? flattenMetadata(document) : {};
      seen.set(metadataJson, flat);
    }
    return flat;
  };
}

/**
 * Flattens metadata as the original does: nested keys are joined, the first separator is a dot and all others are
 * colons, whatever the keys themselves hold (`a.b:c`, and `OS-EXT-STS:vm_state` becomes `OS-EXT-STS.vm_state`);
 * values become the text Python has for them; keys are sorted on each level; empty mappings vanish. Pure.
 */
function flattenMetadata(metadata: JsonObject): FlatMetadata {
  const flat: [string, string][] = [];
  for (const [path, value] of leaves(metadata)) flat.push([separated(path), pythonStr(value)]);
  return Object.fromEntries(flat);
}

/** Depth first without recursion: a sender chooses the depth. */
function* leaves(metadata: JsonObject): Generator<readonly [path: string, value: JsonValue]> {
  const open: (readonly [string, JsonValue])[] = [['', metadata]];
  for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
    const [path, value] = entry;
    if (!isJsonObject(value)) {
      yield entry;
      continue;
    }
    const prefix = value === metadata ? '' : `${path}.`;
    const keys = Object.keys(value).sort().reverse();
    for (const key of keys) open.push([`${prefix}${key}`, value[key] ?? null]);
  }
}

function separated(path: string): string {
  return path.replaceAll('.', ':').replace(':', '.');
}
