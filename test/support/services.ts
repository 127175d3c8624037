import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A service that tests use when it is there: its name, and why it cannot be used (null: it can). */
export interface Service {
  readonly name: string;
  readonly missing: string | null;
}

/** RabbitMQ on this machine with its control command, which makes virtual hosts and closes connections. */
export async function rabbitAvailable(): Promise<Service> {
  const name = 'RabbitMQ on 127.0.0.1:5672 and rabbitmqctl';
  if (!(await answers('127.0.0.1', 5672))) return { name, missing: 'nothing answers on 127.0.0.1:5672' };
  try {
    await run('rabbitmqctl', ['-q', 'list_vhosts'], { timeout: 15_000 });
    return { name, missing: null };
  } catch {
    return { name, missing: 'rabbitmqctl does not work for this user' };
  }
}

/**
 * The `skip` of a test or suite that needs `services`: false when all are there, else the reason by name. With
 * REQUIRE_SERVICES=1 a missing service is an error instead, so that a skip cannot pass for a success.
 */
export function skipUnless(...services: readonly Service[]): string | false {
  const missing = services.filter((service) => service.missing !== null);
  if (missing.length === 0) return false;
  const reason = missing.map((service) => `needs ${service.name}: ${service.missing}`).join('; ');
  if (process.env['REQUIRE_SERVICES'] === '1') throw new Error(`REQUIRE_SERVICES=1, but a test ${reason}`);
  return reason;
}

/** Whether something accepts TCP connections there. */
function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2000 });
    const settle = (answer: boolean) => (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', settle(true)).once('error', settle(false)).once('timeout', settle(false));
  });
}
