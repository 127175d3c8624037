import type { Sample } from '../../model/sample.ts';

/**
 * The indexes of a batch with the samples of each resource in order of their timestamps; those of one instant stay as
 * they come. The places a resource has in the batch stay its places, so resources do not disturb each other. Null when
 * nothing has to change, which is the rule.
 */
export function resourceOrder(samples: readonly Sample[]): readonly number[] | null {
  if (isAscending(samples)) return null;
  const order = samples.map((_, index) => index);
  for (const places of placesByResource(samples)) {
    const sorted = places.toSorted((a, b) => timeAt(samples, a) - timeAt(samples, b));
    for (const [rank, place] of places.entries()) order[place] = sorted[rank] as number;
  }
  return order;
}

function isAscending(samples: readonly Sample[]): boolean {
  for (let index = 1; index < samples.length; index += 1) {
    if (timeAt(samples, index) < timeAt(samples, index - 1)) return false;
  }
  return true;
}

function placesByResource(samples: readonly Sample[]): Iterable<readonly number[]> {
  const places = new Map<string, number[]>();
  for (const [index, { resourceId }] of samples.entries()) {
    const known = places.get(resourceId);
    if (known === undefined) places.set(resourceId, [index]);
    else known.push(index);
  }
  return places.values();
}

function timeAt(samples: readonly Sample[], index: number): number {
  return (samples[index] as Sample).timestampMicros;
}
