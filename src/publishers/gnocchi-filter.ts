import { NephoscopeError } from '../component/errors.ts';
import type { Logger } from '../observe/logger.ts';
import type { ServiceAnswer, ServiceClient } from '../openstack/service-client.ts';

/** Which project's samples are left out. */
export interface ProjectFilterOptions {
  readonly project: string;
  readonly domain: string;
}

/**
 * Finds the id of the project whose samples are not for Gnocchi, because Gnocchi itself works there and would measure
 * itself. Asks once; the answer is kept.
 *
 * Source: ceilometer `publisher/gnocchi.py`, gnocchi_project_id.
 */
export class ProjectFilter {
  readonly #options: ProjectFilterOptions | null;
  readonly #client: ServiceClient;
  readonly #log: Logger;
  #found: { readonly id: string | null } | null = null;

  /** `options` null: nothing is left out. */
  constructor(options: ProjectFilterOptions | null, client: ServiceClient, log: Logger) {
    this.#options = options;
    this.#client = client;
    this.#log = log;
  }

  /** Null when nothing is to be left out. Throws a transient `NephoscopeError` when Keystone cannot be asked now. */
  async projectId(signal: AbortSignal): Promise<string | null> {
    if (this.#options === null) return null;
    this.#found ??= { id: await this.#find(this.#options, signal) };
    return this.#found.id;
  }

  async #find({ project, domain }: ProjectFilterOptions, signal: AbortSignal): Promise<string | null> {
    // Mostly it is the project we work in ourselves, and to look others up takes rights that we may not have.
    const own = await this.#client.project(signal);
    if (own !== null && own.name === project && own.domain === domain) return own.id;
    const domainId = await this.#idOf('domains', `name=${encodeURIComponent(domain)}`, signal);
    const query = `name=${encodeURIComponent(project)}&domain_id=${encodeURIComponent(domainId ?? '')}`;
    const id = domainId === null ? null : await this.#idOf('projects', query, signal);
    if (id === null) {
      this.#log.warn({ project, domain }, 'Project of filter_project not found, its samples are kept');
    }
    return id;
  }

  async #idOf(kind: 'domains' | 'projects', query: string, signal: AbortSignal): Promise<string | null> {
    const answer = await this.#client.askKeystone(`/${kind}?${query}`, signal);
    if (answer === null) return null;
    if (answer.status >= 500) {
      const message = `Keystone answered ${answer.status} to the question for ${kind}`;
      throw new NephoscopeError('E8031', message, { retry: 'transient' });
    }
    return firstId(answer, kind);
  }
}

function firstId(answer: ServiceAnswer, kind: string): string | null {
  const body = answer.json() as Readonly<Record<string, unknown>> | null;
  const found = body?.[kind];
  const [first] = Array.isArray(found) ? (found as readonly { readonly id?: unknown }[]) : [];
  return typeof first?.id === 'string' ? first.id : null;
}
