import { TRAIT_TYPE, type Trait, type TraitType } from '../../model/event.ts';
import type { EventQuery, TraitCondition } from '../query.ts';
import type { Row, SqlParameter } from './database.ts';
import { IDENTITY_TRAITS, identityHash, messageHash } from './hashing.ts';
import type { ReadContext } from './read-context.ts';
import { EARLIEST, LATEST } from './scan-plan.ts';
import { conditionText, meetsCondition, parseTraits } from './trait-match.ts';

/** An event as it lies in the file: documents as text, cheap to hand from thread to thread. */
export interface EventRow {
  readonly messageId: string;
  readonly eventType: string;
  readonly generatedMicros: number;
  readonly priority: string | null;
  readonly deployment: string | null;
  readonly traitsText: string;
  readonly rawText: string | null;
}

const COLUMNS = `e.message_id, t.name, e.generated, e.priority, e.traits, e.raw,
  (SELECT text FROM label WHERE id = e.deployment)`;
/** More look-up hits than this are found faster by walking through the events in order. */
const MAX_HITS = 5_000;

/** Events of a query in order of time; of one time, in order of recording. */
export function readEvents(context: ReadContext, query: EventQuery): readonly EventRow[] {
  const limit = query.limit ?? Number.POSITIVE_INFINITY;
  const found: EventRow[] = [];
  if (limit <= 0) return found;
  for (const row of candidates(context, query)) {
    const event = toEventRow(row);
    if (!meetsAll(event, query)) continue;
    found.push(event);
    if (found.length >= limit) break;
  }
  return found;
}

/** The event with this message id, the oldest if its sender used it twice; null when there is none. */
export function readEvent(context: ReadContext, messageId: string): EventRow | null {
  return readEvents(context, { messageId, limit: 1 })[0] ?? null;
}

/** Event types that have events, sorted by code point. */
export function readEventTypes(context: ReadContext): readonly string[] {
  return context
    .all(
      'SELECT name FROM event_type t WHERE EXISTS (SELECT 1 FROM event e WHERE e.event_type = t.id) ORDER BY name',
    )
    .map(([name]) => String(name));
}

/** Name and type of the traits that events of a type were recorded with, sorted by name. */
export function readTraitDescriptions(
  context: ReadContext,
  eventType: string,
): readonly { readonly name: string; readonly type: TraitType }[] {
  return context
    .all(
      `SELECT r.name, r.type FROM event_type t JOIN trait r ON r.event_type = t.id
       WHERE t.name = ? AND EXISTS (SELECT 1 FROM event e WHERE e.event_type = t.id) ORDER BY r.name, r.type`,
      [eventType],
    )
    .map(([name, type]) => ({ name: String(name), type: Number(type) as TraitType }));
}

/** Every occurrence of a trait in events of one type, oldest event first. */
export function readTraits(
  context: ReadContext,
  eventType: string,
  traitName: string,
  limit: number | undefined,
): readonly Trait[] {
  const found: Trait[] = [];
  const rows = context.iterate(
    `SELECT e.traits FROM event e JOIN event_type t ON t.id = e.event_type
     WHERE t.name = ? AND instr(e.traits, ?) > 0 ORDER BY e.generated, e.id`,
    [eventType, `[${JSON.stringify(traitName)},`],
  );
  for (const [text] of rows) {
    for (const trait of parseTraits(String(text))) {
      if (found.length === limit) return found;
      if (trait[0] === traitName) found.push(trait);
    }
  }
  return found;
}

/** Rows that may match, in the order asked for. */
function candidates(context: ReadContext, query: EventQuery): Iterable<Row> {
  const hash = lookUpKey(query);
  if (hash !== undefined) {
    const hits = lookUp(context, hash, query);
    if (hits.length <= MAX_HITS) return fetchHits(context, hits, query);
  }
  return walk(context, query);
}

/** The key to look up when the question names one thing; undefined when it does not. */
function lookUpKey({ messageId, traits = [] }: EventQuery): number | undefined {
  if (messageId !== undefined) return messageHash(messageId);
  const identity = traits.find(
    ({ name, type, op }) => op === 'eq' && type === TRAIT_TYPE.text && IDENTITY_TRAITS.has(name),
  );
  return identity === undefined ? undefined : identityHash(String(identity.value));
}

/** Row numbers of events that may have a key; one more than `MAX_HITS` when there are too many. */
function lookUp(
  context: ReadContext,
  hash: number,
  { startMicros, endMicros }: EventQuery,
): readonly number[] {
  return context
    .all(
      `SELECT DISTINCT l.event FROM segment g CROSS JOIN event_lookup l ON l.segment = g.id AND l.hash = ?
       WHERE g.kind = 'event' AND g.last_micros >= ? AND g.first_micros <= ? LIMIT ?`,
      [hash, startMicros ?? EARLIEST, endMicros ?? LATEST, MAX_HITS + 1],
    )
    .map(([event]) => Number(event));
}

function fetchHits(context: ReadContext, hits: readonly number[], query: EventQuery): readonly Row[] {
  const sign = query.order === 'desc' ? -1 : 1;
  const rows = hits.flatMap((id) => {
    const row = context.first(
      `SELECT ${COLUMNS} FROM event e JOIN event_type t ON t.id = e.event_type WHERE e.id = ?`,
      [id],
    );
    return row === undefined ? [] : [{ id, micros: Number(row[2]), row }];
  });
  return rows.sort((a, b) => sign * (a.micros - b.micros || a.id - b.id)).map(({ row }) => row);
}

function walk(context: ReadContext, query: EventQuery): Iterable<Row> {
  const conditions: string[] = ['e.generated BETWEEN ? AND ?'];
  const parameters: SqlParameter[] = [query.startMicros ?? EARLIEST, query.endMicros ?? LATEST];
  if (query.eventType !== undefined) {
    conditions.push('e.event_type = (SELECT id FROM event_type WHERE name = ?)');
    parameters.push(query.eventType);
  }
  for (const condition of query.traits ?? []) {
    conditions.push('instr(e.traits, ?) > 0');
    parameters.push(conditionText(condition));
  }
  const direction = query.order === 'desc' ? 'DESC' : 'ASC';
  return context.iterate(
    `SELECT ${COLUMNS} FROM event e CROSS JOIN event_type t ON t.id = e.event_type WHERE ${conditions.join(' AND ')}
     ORDER BY e.generated ${direction}, e.id ${direction}`,
    parameters,
  );
}

function meetsAll(event: EventRow, query: EventQuery): boolean {
  if (query.messageId !== undefined && event.messageId !== query.messageId) return false;
  if (query.eventType !== undefined && event.eventType !== query.eventType) return false;
  if (query.deployment !== undefined && event.deployment !== query.deployment) return false;
  if (query.priority !== undefined && event.priority !== query.priority) return false;
  if (event.generatedMicros < (query.startMicros ?? EARLIEST)) return false;
  if (event.generatedMicros > (query.endMicros ?? LATEST)) return false;
  const { traits: conditions = [], projectOrNone } = query;
  if (conditions.length === 0 && projectOrNone === undefined) return true;
  const traits = parseTraits(event.traitsText);
  if (!conditions.every((condition) => meetsCondition(traits, condition))) return false;
  return projectOrNone === undefined || belongsTo(traits, projectOrNone);
}

const PROJECT: Pick<TraitCondition, 'name' | 'type' | 'op'> = {
  name: 'project_id',
  type: TRAIT_TYPE.text,
  op: 'eq',
};

function belongsTo(traits: readonly Trait[], project: string): boolean {
  if (!traits.some(([name, type]) => name === PROJECT.name && type === PROJECT.type)) return true;
  return meetsCondition(traits, { ...PROJECT, value: project });
}

function toEventRow([messageId, eventType, generated, priority, traits, raw, deployment]: Row): EventRow {
  return {
    messageId: String(messageId),
    eventType: String(eventType),
    generatedMicros: Number(generated),
    priority: priority as string | null,
    deployment: deployment as string | null,
    traitsText: String(traits),
    rawText: raw as string | null,
  };
}
