import { checkSetup } from '../../app/setup.ts';
import { NOTIFICATION_TRANSPORT_URL, TRANSPORT_URL } from '../../bus/options.ts';
import { formatTransportUrl, parseTransportUrl, type TransportUrl } from '../../bus/transport-url.ts';
import type { Config } from '../../config/option.ts';
import { urlSyntaxOf } from '../../publishers/delivery-settings.ts';
import { NOTIFIER_PUBLISHER } from '../../publishers/notifier.ts';
import { checkPublisherUrl } from '../../publishers/publisher-url.ts';
import type { Deployment } from '../../sources/deployments.ts';
import { checkDeployments } from '../../sources/deployments-sources.ts';

/** A broker that the configuration names. */
export interface ListedBroker {
  readonly url: TransportUrl;
  /** What is read there; null for a broker that is only sent to, or read by another role. */
  readonly deployment: Deployment | null;
}

/**
 * Every broker of a configuration once: those notifications are taken from first, then the transports of the program,
 * then those of notifier:// publishers. Reads the files the configuration names. Throws a `NephoscopeError` (E2001, E2014)
 * for transport options that cannot be right; a pipeline file with mistakes is for the check of the configuration.
 */
export function listBrokers(config: Config): readonly ListedBroker[] {
  const listened = checkDeployments(config).deployments.map((deployment) => ({
    url: deployment.url,
    deployment,
  }));
  const others = [...transports(config), ...notifiers(config)].map((text) => ({
    url: parseTransportUrl(text),
    deployment: null,
  }));
  const known = new Set(listened.map(({ url }) => formatTransportUrl(url)));
  const unknown = others.filter(({ url }) => isNew(formatTransportUrl(url), known));
  return [...listened, ...unknown];
}

function isNew(text: string, known: Set<string>): boolean {
  if (known.has(text)) return false;
  known.add(text);
  return true;
}

function transports(config: Config): readonly string[] {
  return [NOTIFICATION_TRANSPORT_URL, TRANSPORT_URL].flatMap((option) => config.get(option)?.reveal() ?? []);
}

/** Those with a broker of their own; the others use the transports. URLs with mistakes are left out. */
function notifiers(config: Config): readonly string[] {
  const { setup } = checkSetup(config);
  if (setup === null) return [];
  const pipelines = [...setup.samplePlan.pipelines, ...setup.eventPlan.pipelines];
  return pipelines
    .flatMap(({ publishers }) => publishers)
    .filter((text) => NOTIFIER_PUBLISHER.schemes.some((scheme) => text.startsWith(`${scheme}://`)))
    .flatMap((text) => checkPublisherUrl(text, urlSyntaxOf(NOTIFIER_PUBLISHER)).url ?? [])
    .filter(({ authority }) => authority.reveal() !== '')
    .map(({ authority, path, rest }) => {
      const query = rest.map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
      return `rabbit://${authority.reveal()}${path}${query === '' ? '' : `?${query}`}`;
    });
}
