import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { parseExact } from '../../lib/exact-json.ts';
import type { JsonValue } from '../../model/json.ts';
import type { Sample } from '../../model/sample.ts';
import { allRows, firstNumber, type Row } from './database.ts';
import { Generations } from './generations.ts';
import { sameJson, toJsonText } from './json-text.ts';
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
  /** Replaced by an equal one: samples of one poll share the object, and comparing it with itself is cheapest. */
  metadata: JsonValue;
}

interface ResourceEntry {
  readonly id: number;
  /** The one used last comes first. */
  descriptors: DescriptorEntry[];
}

/** With some 1 KB of metadata each, this keeps the memory at some ten MB. */
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
      SELECT d.id, u.text, p.text, s.text, un.text, pn.text, m.text
      FROM descriptor d JOIN metadata m ON m.descriptor = d.id
      LEFT JOIN label u ON u.id = d.user LEFT JOIN label p ON p.id = d.project LEFT JOIN label s ON s.id = d.source
      LEFT JOIN label un ON un.id = d.user_name LEFT JOIN label pn ON pn.id = d.project_name
      WHERE d.resource = ? ORDER BY d.id DESC LIMIT ${COMPARED_IN_FILE}`);
    this.#insertDescriptor = database.prepare(`
      INSERT INTO descriptor (resource, user, project, source, user_name, project_name) VALUES (?, ?, ?, ?, ?, ?)`);
    this.#insertMetadata = database.prepare('INSERT INTO metadata (descriptor, text) VALUES (?, ?)');
  }

  find(sample: Sample): DescriptorEntry {
    const resource = this.#known.get(sample.resourceId) ?? this.#loadResource(sample.resourceId);
    const { descriptors } = resource;
    for (let index = 0; index < descriptors.length; index += 1) {
      const entry = descriptors[index];
      if (entry !== undefined && describes(entry, sample)) {
        if (index > 0) moveToFront(descriptors, index);
        return entry;
      }
    }
    return this.#remember(resource, this.#findInFile(resource.id, sample) ?? this.#make(resource.id, sample));
  }

  forget(): void {
    this.#known.clear();
  }

  #loadResource(resourceId: string): ResourceEntry {
    const found = firstNumber(this.#selectResource, resourceId);
    const id = found || Number(this.#insertResource.run(resourceId).lastInsertRowid);
    const entry: ResourceEntry = { id, descriptors: [] };
    this.#known.set(resourceId, entry);
    return entry;
  }

  #findInFile(resource: number, sample: Sample): DescriptorEntry | undefined {
    for (const row of allRows(this.#selectRecent, resource)) {
      const entry = toEntry(resource, row);
      if (describes(entry, sample)) return entry;
    }
    return undefined;
  }

  #make(resource: number, sample: Sample): DescriptorEntry {
    const text = toJsonText(sample.resourceMetadata);
    const { userId, projectId, source, userName, projectName } = sample;
    const labels = [userId, projectId, source, userName, projectName].map((label) =>
      this.#labels.idOf(label),
    );
    const id = Number(this.#insertDescriptor.run(resource, ...labels).lastInsertRowid);
    this.#insertMetadata.run(id, text);
    return {
      id,
      resource,
      userId,
      projectId,
      source,
      userName,
      projectName,
      metadata: sample.resourceMetadata,
    };
  }

  #remember(resource: ResourceEntry, entry: DescriptorEntry): DescriptorEntry {
    resource.descriptors.unshift(entry);
    if (resource.descriptors.length > REMEMBERED_PER_RESOURCE) resource.descriptors.pop();
    return entry;
  }
}

function describes(entry: DescriptorEntry, sample: Sample): boolean {
  if (
    entry.projectId !== sample.projectId ||
    entry.userId !== sample.userId ||
    entry.source !== sample.source
  ) {
    return false;
  }
  if (entry.userName !== sample.userName || entry.projectName !== sample.projectName) return false;
  if (entry.metadata === sample.resourceMetadata) return true;
  if (!sameJson(entry.metadata, sample.resourceMetadata)) return false;
  entry.metadata = sample.resourceMetadata;
  return true;
}

function toEntry(resource: number, row: Row): DescriptorEntry {
  const [id, userId, projectId, source, userName, projectName, metadata] = row;
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return {
    id: Number(id),
    resource,
    userId: text(userId),
    projectId: text(projectId),
    source: text(source) ?? '',
    userName: text(userName),
    projectName: text(projectName),
    metadata: parseExact(text(metadata) ?? '{}'),
  };
}

function moveToFront<Item>(items: Item[], index: number): void {
  const [item] = items.splice(index, 1);
  if (item !== undefined) items.unshift(item);
}
