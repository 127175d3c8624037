import type { ReadContext } from './read-context.ts';

/** What a descriptor says, as texts. */
export interface DescriptorTexts {
  readonly resourceId: string;
  readonly userId: string | null;
  readonly projectId: string | null;
  readonly source: string;
  readonly deployment: string | null;
}

/** Reads descriptors by number, each once. For one query. */
export function createDescriptorReader(context: ReadContext): (descriptor: number) => DescriptorTexts {
  const known = new Map<number, DescriptorTexts>();
  return (descriptor) => {
    const found = known.get(descriptor) ?? readDescriptor(context, descriptor);
    known.set(descriptor, found);
    return found;
  };
}

/** The metadata of a descriptor as the JSON text that was stored. */
export function metadataText(context: ReadContext, descriptor: number): string {
  return String(context.first('SELECT text FROM metadata WHERE descriptor = ?', [descriptor])?.[0] ?? '{}');
}

function readDescriptor(context: ReadContext, descriptor: number): DescriptorTexts {
  const [resourceId, userId = null, projectId = null, source, deployment = null] =
    context.first(
      `SELECT r.resource_id, u.text, p.text, s.text, dn.text FROM descriptor d JOIN resource r ON r.id = d.resource
       LEFT JOIN label u ON u.id = d.user LEFT JOIN label p ON p.id = d.project LEFT JOIN label s ON s.id = d.source
       LEFT JOIN label dn ON dn.id = d.deployment
       WHERE d.id = ?`,
      [descriptor],
    ) ?? [];
  return {
    resourceId: String(resourceId ?? ''),
    userId: userId as string | null,
    projectId: projectId as string | null,
    source: String(source ?? ''),
    deployment: deployment as string | null,
  };
}
