import type { Finding } from './finding.ts';
import type { OpenBroker } from './open-broker.ts';
import { lookAtExchange, refusals } from './passive-look.ts';

/** `control_exchange` of services that no list of ours has by default. */
const OTHER_SERVICES = [
  'blazar',
  'central',
  'cloudkitty',
  'cyborg',
  'freezer',
  'mistral',
  'monasca',
  'murano',
  'sahara',
  'senlin',
  'solum',
  'storlets',
  'tacker',
  'vitrage',
  'watcher',
  'zun',
] as const;

/** Which services have an exchange here, and which of them we do not listen to. */
export async function lookAtExchanges({ deployment, label, line }: OpenBroker): Promise<readonly Finding[]> {
  const configured = deployment.topology.exchanges;
  const others = OTHER_SERVICES.filter((name) => !configured.includes(name));
  const looked = await Promise.all(
    [...configured, ...others].map(async (name) => [name, await lookAtExchange(line.model, name)] as const),
  );
  const there = looked.flatMap(([name, { kind }]) => (kind === 'there' ? [name] : []));
  return [
    present(
      label,
      deployment.url.vhost,
      there.filter((name) => configured.includes(name)),
      configured.length,
    ),
    ...unheard(
      label,
      there.filter((name) => !configured.includes(name)),
    ),
    ...refusals(label, looked),
  ];
}

function present(label: string, vhost: string, names: readonly string[], configured: number): Finding {
  const id = 'exchanges';
  if (names.length > 0) {
    const what = `${label}: ${names.length} of ${configured} exchanges are there: ${names.join(', ')}`;
    return { severity: 'ok', id, what };
  }
  return {
    severity: 'warning',
    id,
    what: `${label}: none of the ${configured} exchanges is there (virtual host ${vhost})`,
    why: 'No service has sent a notification here yet: they are off, or go to another virtual host or broker.',
    fix: 'In each service: [oslo_messaging_notifications] driver = messagingv2; compare its transport_url with ours.',
  };
}

/** Exchanges of services that are there and not listened to. Pure. */
export function unheard(label: string, names: readonly string[]): readonly Finding[] {
  if (names.length === 0) return [];
  return [
    {
      severity: 'warning',
      id: 'exchange-not-listened',
      what: `${label}: there are exchanges we do not listen to: ${names.join(', ')}`,
      why: 'Notifications of these services reach us only by a queue that somebody else bound to them.',
      fix: `[notification]\n${names.map((name) => `additional_control_exchanges = ${name}`).join('\n')}`,
    },
  ];
}
