import type { ErrorCode } from '../component/error-codes.ts';
import { type ErrorDetails, NephoscopeError } from '../component/errors.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';

/**
 * A notification that cannot be read (E5001 to E5014); trying again never helps, so it is parked. What could be
 * read of it nevertheless is carried along.
 */
export class NotificationError extends NephoscopeError {
  readonly messageId: string | null;
  readonly eventType: string | null;

  constructor(code: ErrorCode, message: string, known: KnownFields, details: ErrorDetails = {}) {
    super(code, message, { ...details, retry: 'permanent' });
    this.name = 'NotificationError';
    this.messageId = known.messageId;
    this.eventType = known.eventType;
  }
}

/** What is known of a notification that cannot be read. */
export interface KnownFields {
  readonly messageId: string | null;
  readonly eventType: string | null;
}

/** Nothing is known. */
export const NONE_KNOWN: KnownFields = { messageId: null, eventType: null };

/** What a parsed message says of itself. */
export function knownFrom(message: JsonObject): KnownFields {
  return { messageId: textOrNull(message.message_id), eventType: textOrNull(message.event_type) };
}

function textOrNull(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, 255).toWellFormed() : null;
}

/** What can be found in a text that cannot be parsed, in an envelope (where quotes have backslashes) or outside. */
export function knownFromText(text: string): KnownFields {
  return { messageId: firstGroup(messageIdText, text), eventType: firstGroup(eventTypeText, text) };
}

const messageIdText = /"message_id\\*": ?\\*"([^"\\]{1,255})/;
const eventTypeText = /"event_type\\*": ?\\*"([^"\\]{1,255})/;

function firstGroup(pattern: RegExp, text: string): string | null {
  return pattern.exec(text)?.[1]?.toWellFormed() ?? null;
}
