import type { Component } from '../component/component.ts';
import type { Logger } from '../observe/logger.ts';
import type { Series } from '../observe/metrics.ts';
import type { GnocchiApi } from './gnocchi-api.ts';
import type { AttributeCache } from './gnocchi-attribute-cache.ts';
import type { DropReason } from './gnocchi-batch.ts';
import type { GnocchiDefinitions } from './gnocchi-definitions.ts';
import type { ProjectFilter } from './gnocchi-filter.ts';
import type { ResourceWriter } from './gnocchi-resources.ts';

/** What the two publishers of `gnocchi://` are made of. */
export interface GnocchiParts {
  /** Its life: the connections. */
  readonly connection: Component;
  readonly api: GnocchiApi;
  readonly definitions: GnocchiDefinitions;
  readonly resources: ResourceWriter;
  readonly log: Logger;
}

export interface GnocchiSampleParts extends GnocchiParts {
  readonly filter: ProjectFilter;
  readonly cache: AttributeCache;
  readonly dropped: Readonly<Record<DropReason, Series>>;
}

/** How many requests about single resources are on their way at a time. */
export const RESOURCE_REQUESTS = 8;
