import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { JsonObject } from '../../model/json.ts';
import type { Sample } from '../../model/sample.ts';
import { allRows, firstNumber, type Row } from './database.ts';
import { Generations } from './generations.ts';
import { refuseDeepText, toJsonText } from './json-text.ts';
import type { Labels } from './labels.ts';

/** All of a sample that repeats: who, where from, metadata. `id` and `resource` are row numbers. */
export interface DescriptorEntry {
  readonly id: number;
  readonly resource: number;
  readonly userId: string | null;
  readonly projectId: string | null;
  readonly source: string;
  readonly userName: string | null;
  readonly projectName: string | null;
  readonly deployment: string | null;
  readonly metadataText: string;
}

interface ResourceEntry {
  readonly id: number;
  /** The one used last comes first. */
  readonly descriptors: DescriptorEntry[];
  /**
   * The metadata seen last and their text: samples of one poll or notification share the object, and no way to
   * compare two objects is as cheap as seeing that they are one.
   */
  lastMetadata: JsonObject | null;
  lastText: string;
}

/** With some 2 KB of metadata each, this keeps the memory at some fifteen MB. */
const REMEMBERED_RESOURCES = 4_096;
const REMEMBERED_PER_RESOURCE = 4;
/** A resource that changes all the time is not compared with all it ever was; a repeated descriptor does no harm. */
const COMPARED_IN_FILE = 16;

/** Finds or makes the descriptor of a sample. Only inside a write transaction. */
export class Descriptors {
  readonly #labels: Labels;
  readonly #selectResource: StatementSync;
  readonly #insertResource: StatementSync;
  readonly #selectRecent: StatementSync;
  readonly #insertDescriptor: StatementSync;
  readonly #insertMetadata: StatementSync;
  readonly #known = new Generations<string, ResourceEntry>(REMEMBERED_RESOURCES);

  constructor(database: DatabaseSync, labels: Labels) {
    this.#labels = labels;
    this.#selectResource = database.prepare('SELECT id FROM resource WHERE resource_id = ?');
    this.#insertResource = database.prepare('INSERT INTO resource (resource_id) VALUES (?)');
    this.#selectRecent = database.prepare(`
      SELECT d.id, u.text, p.text, s.text, un.text, pn.text, dn.text, m.text
      FROM descriptor d JOIN metadata m ON m.descriptor = d.id
      LEFT JOIN label u ON u.id = d.user LEFT JOIN label p ON p.id = d.project LEFT JOIN label s ON s.id = d.source
      LEFT JOIN label un ON un.id = d.user_name LEFT JOIN label pn ON pn.id = d.project_name
      LEFT JOIN label dn ON dn.id = d.deployment
      WHERE d.resource = ? ORDER BY d.id DESC LIMIT ${COMPARED_IN_FILE}`);
    this.#insertDescriptor = database.prepare(`
      INSERT INTO descriptor (resource, user, project, source, user_name, project_name, deployment)
      VALUES (?, ?, ?, ?, ?, ?, ?)`);
    this.#insertMetadata = database.prepare('INSERT INTO metadata (descriptor, text) VALUES (?, ?)');
  }

  find(sample: Sample): DescriptorEntry {
    const resource = this.#known.get(sample.resourceId) ?? this.#loadResource(sample.resourceId);
    if (resource.lastMetadata !== sample.resourceMetadata) noteMetadata(resource, sample.resourceMetadata);
    const { descriptors, lastText } = resource;
    for (let index = 0; index < descriptors.length; index += 1) {
      const entry = descriptors[index];
      if (entry !== undefined && describes(entry, sample, lastText)) {
        if (index > 0) moveToFront(descriptors, index);
        return entry;
      }
    }
    return this.#remember(resource, this.#findInFile(resource, sample) ?? this.#make(resource, sample));
  }

  forget(): void {
    this.#known.clear();
  }

  #loadResource(resourceId: string): ResourceEntry {
    const found = firstNumber(this.#selectResource, resourceId);
    const id = found || Number(this.#insertResource.run(resourceId).lastInsertRowid);
    const entry: ResourceEntry = { id, descriptors: [], lastMetadata: null, lastText: '' };
    this.#known.set(resourceId, entry);
    return entry;
  }

  #findInFile({ id, lastText }: ResourceEntry, sample: Sample): DescriptorEntry | undefined {
    for (const row of allRows(this.#selectRecent, id)) {
      const entry = toEntry(id, row);
      if (describes(entry, sample, lastText)) return entry;
    }
    return undefined;
  }

  #make({ id: resource, lastText: metadataText }: ResourceEntry, sample: Sample): DescriptorEntry {
    refuseDeepText(metadataText);
    const { userId, projectId, source, userName, projectName, deployment } = sample;
    const labels = [userId, projectId, source, userName, projectName, deployment].map((label) =>
      this.#labels.idOf(label),
    );
    const id = Number(this.#insertDescriptor.run(resource, ...labels).lastInsertRowid);
    this.#insertMetadata.run(id, metadataText);
    return { id, resource, userId, projectId, source, userName, projectName, deployment, metadataText };
  }

  #remember(resource: ResourceEntry, entry: DescriptorEntry): DescriptorEntry {
    resource.descriptors.unshift(entry);
    if (resource.descriptors.length > REMEMBERED_PER_RESOURCE) resource.descriptors.pop();
    return entry;
  }
}

function noteMetadata(resource: ResourceEntry, metadata: JsonObject): void {
  resource.lastText = toJsonText(metadata);
  resource.lastMetadata = metadata;
}

function describes(entry: DescriptorEntry, sample: Sample, metadataText: string): boolean {
  return (
    entry.projectId === sample.projectId &&
    entry.userId === sample.userId &&
    entry.source === sample.source &&
    entry.userName === sample.userName &&
    entry.projectName === sample.projectName &&
    entry.deployment === sample.deployment &&
    entry.metadataText === metadataText
  );
}

function toEntry(resource: number, row: Row): DescriptorEntry {
  const [id, userId, projectId, source, userName, projectName, deployment, metadata] = row;
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return {
    id: Number(id),
    resource,
    userId: text(userId),
    projectId: text(projectId),
    source: text(source) ?? '',
    userName: text(userName),
    projectName: text(projectName),
    deployment: text(deployment),
    metadataText: text(metadata) ?? '{}',
  };
}

function moveToFront<Item>(items: Item[], index: number): void {
  const [item] = items.splice(index, 1);
  if (item !== undefined) items.unshift(item);
}
