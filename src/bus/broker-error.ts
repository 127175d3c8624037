import { NephoscopeError, toError } from '../component/errors.ts';

/** What an attempt to connect was about, for the text of its error. */
export interface Attempt {
  /** `host:port`. */
  readonly peer: string;
  readonly vhost: string;
  readonly username: string;
}

/**
 * Says in words what went wrong while connecting. The library gives the reply of the broker only inside its message
 * texts, so these are looked at; an unknown one is given on as it is. Always transient: brokers and logins get repaired.
 */
export function connectError(thrown: unknown, attempt: Attempt): NephoscopeError {
  if (thrown instanceof NephoscopeError) return thrown;
  const error = toError(thrown);
  const { peer, vhost, username } = attempt;
  const kind = CONNECT_FAILURES.find(({ test }) => test(error, errorCode(error)));
  const text = kind?.text(attempt, error) ?? `Broker ${peer} cannot be reached: ${firstLine(error.message)}`;
  return new NephoscopeError(kind?.code ?? 'E2002', text, {
    retry: 'transient',
    cause: thrown,
    ...(kind?.hint === undefined ? {} : { hint: kind.hint(vhost, username) }),
  });
}

/** The text of a lost connection; `thrown` is what the library gave, if anything. */
export function connectionLost(peer: string, thrown: unknown): NephoscopeError {
  if (thrown instanceof NephoscopeError) return thrown;
  const reason = thrown === undefined ? 'it was closed' : firstLine(toError(thrown).message);
  // The library's only sign of a peer that neither answers nor closes.
  const code = reason.startsWith('Heartbeat timeout') ? 'E2018' : 'E2006';
  return new NephoscopeError(code, `Connection to broker ${peer} lost: ${reason}`, {
    retry: 'transient',
    cause: thrown,
  });
}

/** The reply code of AMQP (404, 406 …) when the broker closed the channel for it, else null. */
export function replyCode(thrown: unknown): number | null {
  const code = (thrown as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'number' ? code : null;
}

/** The reply text of the broker without the frame the library puts around it. */
export function replyText(thrown: unknown): string {
  const message = toError(thrown).message;
  return /with message "(.*)"$/s.exec(message)?.[1] ?? firstLine(message);
}

interface ConnectFailure {
  readonly code: 'E2002' | 'E2003' | 'E2004' | 'E2005';
  readonly test: (error: Error, code: string) => boolean;
  readonly text: (attempt: Attempt, error: Error) => string;
  readonly hint?: (vhost: string, username: string) => string;
}

const CONNECT_FAILURES: readonly ConnectFailure[] = [
  {
    code: 'E2003',
    test: (error) => error.message.includes('ACCESS_REFUSED') || error.message.includes('ACCESS-REFUSED'),
    text: ({ peer, username }) => `Broker ${peer} refused the login of user ${JSON.stringify(username)}`,
    hint: (_vhost, username) =>
      `Check the password with: rabbitmqctl authenticate_user ${username} PASSWORD (guest may log in from the broker's own machine only).`,
  },
  {
    code: 'E2003',
    test: (error) => error.message.startsWith('SASL mechanism'),
    text: ({ peer }, error) => `Broker ${peer} refused the way to log in: ${error.message}`,
    hint: () =>
      'Set rabbit_login_method of [oslo_messaging_rabbit] to one that the broker offers (auth_mechanisms there).',
  },
  {
    code: 'E2004',
    test: (error) => error.message.startsWith('Expected ConnectionOpenOk'),
    text: ({ peer, vhost, username }) =>
      `Broker ${peer} refused virtual host ${JSON.stringify(vhost)} to user ${JSON.stringify(username)}: it is not there, is down, or the user has no permission on it`,
    hint: (vhost, username) =>
      `Check with: rabbitmqctl list_vhosts; rabbitmqctl list_permissions -p ${vhost}; grant with: rabbitmqctl set_permissions -p ${vhost} ${username} '.*' '.*' '.*'.`,
  },
  {
    code: 'E2005',
    test: (error, code) =>
      /^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO)/.test(code) ||
      /\bssl\b/i.test(error.message),
    text: ({ peer }, error) => `TLS with broker ${peer} failed: ${describeTls(error)}`,
  },
  {
    code: 'E2002',
    test: (error) => error.message.includes('abruptly') || error.message.includes('maxFrameSize'),
    text: ({ peer }, error) =>
      error.message.includes('maxFrameSize')
        ? `What answers at ${peer} is not an AMQP broker`
        : `Broker ${peer} closed the connection during the opening handshake`,
    hint: () => 'Check that the port is the one for AMQP, and that ssl is set if it expects TLS.',
  },
];

function describeTls(error: Error): string {
  const code = errorCode(error);
  return code.includes('WRONG_VERSION_NUMBER') ? 'the port does not speak TLS' : firstLine(error.message);
}

function errorCode(error: Error): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : '';
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]?.trim() ?? '';
}

/** Where a message was to go. */
interface Destination {
  readonly exchange: string;
  readonly routingKey: string;
}

/** The error of a message that the broker answered with a nack. */
export function messageNotTaken({ exchange, routingKey }: Destination): NephoscopeError {
  const text = `Broker did not take a message for ${exchange}/${routingKey}: its queue is full, or the broker failed inside`;
  return new NephoscopeError('E2010', text, { retry: 'transient' });
}

/** The error of a message that came back again and again. */
export function messageWithoutQueue({ exchange, routingKey }: Destination): NephoscopeError {
  const text = `No queue takes a message for ${exchange}/${routingKey}, though one was bound to it`;
  return new NephoscopeError('E2010', text, { retry: 'transient' });
}

/** No access, and an exchange that was deleted: what the message is about may be repaired, the message is not to blame. */
const REPAIRABLE: readonly (number | null)[] = [403, 404];

/** The error of a message for which the broker closed the channel, or which the library could not write. */
export function messageRefused(thrown: unknown): NephoscopeError {
  const code = replyCode(thrown);
  const text = code === null ? toError(thrown).message : replyText(thrown);
  const retry = REPAIRABLE.includes(code) ? 'transient' : 'permanent';
  return new NephoscopeError('E2010', `Broker refused a message: ${text}`, { cause: thrown, retry });
}
