import { isLoopback } from '../../api/loopback.ts';
import { dial, type Line } from '../../bus/dial.ts';
import { type RabbitSettings, readRabbitSettings } from '../../bus/rabbit-settings.ts';
import { type BrokerHost, formatHost } from '../../bus/transport-url.ts';
import { NephoscopeError, toError } from '../../component/errors.ts';
import type { Config } from '../../config/option.ts';
import type { Deployment } from '../../sources/deployments.ts';
import { type ListedBroker, listBrokers } from './broker-list.ts';
import { askManagement } from './broker-management.ts';
import { lookAtExchanges } from './exchanges.ts';
import type { DoctorCheck, DoctorContext, Finding } from './finding.ts';
import type { OpenBroker } from './open-broker.ts';
import { lookAtQueues } from './queues.ts';

/**
 * Every broker of the configuration: can each of its nodes be reached and logged in to, is the way there safe, and
 * where notifications are taken from, which exchanges and queues are there, who reads them, and do they grow.
 */
export const brokersCheck: DoctorCheck = {
  name: 'brokers',
  needsConfig: true,
  run: async (context) => {
    const { config } = context;
    if (config === null) return [];
    const brokers = listBrokers(config);
    if (brokers.length === 0) return [NO_BROKER];
    const found = await Promise.all(
      brokers.map((one) => lookAtBroker(one, config, context).catch(notUsable)),
    );
    return found.flat();
  },
};

const NO_BROKER: Finding = {
  severity: 'info',
  id: 'no-broker',
  what: 'No broker is configured: notifications come by HTTP only',
  fix: 'Set [DEFAULT] transport_url as the services have it; nephoscope replay shows the form of the URL.',
};

/** Options that cannot be right for one broker say nothing about the others. */
function notUsable(thrown: unknown): readonly Finding[] {
  if (!(thrown instanceof NephoscopeError)) throw thrown;
  const { code, message, hint } = thrown;
  return [{ severity: 'failure', id: 'broker-options', what: `${code} ${message}`, fix: hint }];
}

async function lookAtBroker(
  { url, deployment }: ListedBroker,
  config: Config,
  context: DoctorContext,
): Promise<readonly Finding[]> {
  const settings = readRabbitSettings(config, url);
  const lines = await Promise.all(url.hosts.map((host) => reach(host, url.vhost, settings, context.signal)));
  const safety = url.hosts.flatMap((host) => judgeWay(host, settings));
  const warnings = settings.warnings.map(
    (what): Finding => ({ severity: 'warning', id: 'broker-option', what }),
  );
  const reached = lines.flatMap(({ finding }) => finding);
  const line = lines.find((one) => one.line !== null)?.line ?? null;
  try {
    const inside =
      line === null || deployment === null
        ? []
        : await lookInside({ deployment, label: labelOf(deployment), line, context });
    return [...reached, ...safety, ...warnings, ...inside];
  } finally {
    await Promise.all(lines.map((one) => close(one.line)));
  }
}

async function lookInside(broker: OpenBroker): Promise<readonly Finding[]> {
  const management = broker.context.request.managementUrl;
  const found = await Promise.all([
    contained(broker, lookAtExchanges(broker)),
    contained(broker, lookAtQueues(broker)),
    management === null ? [] : askManagement(broker, management),
  ]);
  return found.flat();
}

/** What is known of the other brokers, and of this one, must not be lost with its connection. */
function contained({ label }: OpenBroker, looking: Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  return looking.catch((thrown: unknown) => [
    {
      severity: 'failure',
      id: 'broker-lost',
      what: `${label}: the broker could not be looked at to the end: ${toError(thrown).message}`,
      fix: 'Look at the log of the broker, and start this command again.',
    },
  ]);
}

function labelOf({ name, url }: Deployment): string {
  const [host] = url.hosts;
  return name ?? (host === undefined ? url.driver : formatHost(host));
}

interface Reached {
  readonly line: Line | null;
  readonly finding: Finding;
}

async function reach(
  host: BrokerHost,
  vhost: string,
  settings: RabbitSettings,
  signal: AbortSignal,
): Promise<Reached> {
  const peer = formatHost(host);
  const user = host.username || 'guest';
  try {
    const request = { host, vhost, settings, connectionName: 'nephoscope doctor' };
    const line = await dial(request, signal);
    line.model.on('error', () => {});
    const { product, version } = line.model.connection.serverProperties;
    const what = `${product} ${version} at ${peer} lets ${user} in (virtual host ${vhost})`;
    return { line, finding: { severity: 'ok', id: 'broker-reachable', what } };
  } catch (thrown) {
    return { line: null, finding: unreachable(peer, thrown) };
  }
}

function unreachable(peer: string, thrown: unknown): Finding {
  const error = toError(thrown);
  const known = error instanceof NephoscopeError;
  return {
    severity: 'failure',
    id: 'broker-unreachable',
    what: known ? `${error.code} ${error.message}` : `Broker ${peer} cannot be reached: ${error.message}`,
    ...(known ? { fix: error.hint } : {}),
  };
}

/** The dangers of the way to one node, whether it answers or not. Pure. */
export function judgeWay(host: BrokerHost, settings: RabbitSettings): readonly Finding[] {
  const peer = formatHost(host);
  const isLocal = isLoopback(host.host);
  const findings: Finding[] = [];
  if (settings.tls === null && !isLocal) findings.push(plainText(peer));
  if (settings.tls !== null && !settings.tls.verify) findings.push(unverified(peer));
  const isGuest = (host.username || 'guest') === 'guest' && (host.password?.reveal() || 'guest') === 'guest';
  if (isGuest && !isLocal) findings.push(guestLogin(peer));
  return findings;
}

function plainText(peer: string): Finding {
  return {
    severity: 'warning',
    id: 'broker-plain-text',
    what: `Login and notifications go to ${peer} in plain text`,
    why: 'Whoever sees the traffic has the password of the message bus.',
    fix: '[oslo_messaging_rabbit] ssl = true and ssl_ca_file = FILE, with the port for TLS (5671) in the URL',
  };
}

function unverified(peer: string): Finding {
  return {
    severity: 'warning',
    id: 'broker-not-verified',
    what: `The certificate of ${peer} is not checked (ssl_verify = false)`,
    why: 'Anybody in between can pose as the broker.',
    fix: '[oslo_messaging_rabbit] ssl_verify = true, and ssl_ca_file = FILE of the authority that signed it',
  };
}

function guestLogin(peer: string): Finding {
  return {
    severity: 'failure',
    id: 'broker-guest',
    what: `The login for ${peer} is guest with the password everybody knows`,
    why: 'RabbitMQ refuses it from other machines unless somebody opened it to all.',
    fix: `rabbitmqctl add_user nephoscope PASSWORD\nrabbitmqctl set_permissions -p VHOST nephoscope '.*' '.*' '.*'`,
  };
}

/** Says goodbye; the socket goes in any case. */
async function close(line: Line | null): Promise<void> {
  if (line === null) return;
  await Promise.race([
    line.model.close().catch(() => {}),
    new Promise((resolve) => setTimeout(resolve, 1_000).unref()),
  ]);
  line.kill();
}
