import { hash52 } from '../../lib/hash.ts';

/**
 * Text traits by whose value events are found without a scan, because people look for them: what happened to this
 * server, in this request, in this project.
 */
export const IDENTITY_TRAITS: ReadonlySet<string> = new Set([
  'resource_id',
  'instance_id',
  'request_id',
  'project_id',
]);

/** The key of a message id in `event_lookup`, and the discriminator of its event. */
export function messageHash(messageId: string): number {
  return hash52(messageId);
}

/**
 * The key of the value of an identity trait in `event_lookup`. Not of its name: resource_id and instance_id of an
 * event are mostly one value, which then needs one key. The reader compares the trait itself.
 */
export function identityHash(value: string): number {
  return hash52(value);
}
