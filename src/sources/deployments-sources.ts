import { NOTIFICATION_TOPICS, NOTIFICATION_TRANSPORT_URL, TRANSPORT_URL } from '../bus/options.ts';
import { notificationTopology } from '../bus/topology.ts';
import { parseTransportUrl, type TransportUrl } from '../bus/transport-url.ts';
import { ConfigurationError, NephoscopeError, type Problem, problem } from '../component/errors.ts';
import type { Config, Secret } from '../config/option.ts';
import { readTextFile } from '../config/text-file.ts';
import { parseYaml } from '../config/yaml.ts';
import { PRIORITIES } from '../model/notification.ts';
import { AMQP_DRIVER } from './amqp-notifications.ts';
import { type Deployment, type NotificationDriver, type Shadow, StartGroup } from './deployments.ts';
import { type DeploymentDefaults, readDeploymentsFile } from './deployments-file.ts';
import * as options from './options.ts';
import type { Source, SourceContext } from './source.ts';

/** Every transport, by the scheme of its URLs. A new one is its driver and a line here. */
const DRIVERS: ReadonlyMap<string, NotificationDriver> = new Map(
  [AMQP_DRIVER].flatMap((driver) => driver.schemes.map((scheme) => [scheme, driver] as const)),
);

/**
 * One source for each deployment of the deployments file and each URL of `[notification] messaging_urls`; with neither,
 * for the notification transport, else the default transport, else none. They share nothing but the intake: a dead
 * broker does not slow the others. Throws a `ConfigurationError` with every mistake of the file and the URLs.
 */
export function createNotificationSources(context: SourceContext): readonly Source[] {
  const { deployments, problems } = checkDeployments(context.config);
  if (problems.some(({ severity }) => severity === 'error')) throw new ConfigurationError(problems);
  const group = new StartGroup();
  return deployments.map((deployment) => driverOf(deployment).create(deployment, context, group));
}

/**
 * What is to be listened to, and all mistakes in the transport options and in the file that says so. `path` is that file,
 * null when none is named. Reads it and touches nothing else; never throws for what it holds. Start and `config check`
 * use it.
 */
export function checkDeployments(config: Config): {
  readonly deployments: readonly Deployment[];
  readonly path: string | null;
  readonly problems: readonly Problem[];
} {
  const listed = transportDeployments(config);
  const name = config.get(options.DEPLOYMENTS_FILE);
  const file = name === null ? NO_FILE : readFile(config, name);
  const deployments = [...file.deployments, ...listed.deployments];
  const refused = deployments.flatMap((deployment) => problemsOfDriver(deployment, config));
  return { deployments, path: file.path, problems: [...file.problems, ...listed.problems, ...refused] };
}

interface ReadFile {
  readonly path: string | null;
  readonly deployments: readonly Deployment[];
  readonly problems: readonly Problem[];
}

const NO_FILE: ReadFile = { path: null, deployments: [], problems: [] };

function readFile(config: Config, name: string): ReadFile {
  const path = config.findFile(name);
  if (path === null) {
    const message = `deployments_file = ${name} (${config.origin(options.DEPLOYMENTS_FILE)}) names a file that does not exist`;
    return { path: name, deployments: [], problems: [problem('E1001', message)] };
  }
  const { text, problems: unreadable } = readTextFile(path);
  if (text === null) return { path, deployments: [], problems: unreadable };
  const { document, problems } = parseYaml(path, text);
  if (document === null) return { path, deployments: [], problems };
  const read = readDeploymentsFile(document, defaultsOf(config));
  return { path, deployments: read.deployments, problems: [...problems, ...read.problems] };
}

function driverOf({ url }: Deployment): NotificationDriver {
  // That driver says of a scheme nobody has what may be meant.
  return DRIVERS.get(url.driver) ?? AMQP_DRIVER;
}

function problemsOfDriver(deployment: Deployment, config: Config): readonly Problem[] {
  try {
    driverOf(deployment).check(deployment, { config });
    return [];
  } catch (thrown) {
    return [asProblem(thrown, deployment.where)];
  }
}

/** With the option or the entry it is about; what is not about either is a defect. */
function asProblem(thrown: unknown, where: string): Problem {
  if (!(thrown instanceof NephoscopeError)) throw thrown;
  return problem(thrown.code, `${where}: ${thrown.message}`, undefined, { hint: thrown.hint });
}

function defaultsOf(config: Config): DeploymentDefaults {
  return {
    exchanges: exchangesOf(config),
    topics: config.get(NOTIFICATION_TOPICS),
    takeover: config.get(options.TAKEOVER),
    shadow: config.get(options.SHADOW),
    shadowFor: (name) => shadowOf(config, name),
  };
}

function exchangesOf(config: Config): readonly string[] {
  return [...config.get(options.CONTROL_EXCHANGES), ...config.get(options.ADDITIONAL_CONTROL_EXCHANGES)];
}

function shadowOf(config: Config, name: string | null): Shadow {
  const queue = config.get(options.SHADOW_QUEUE);
  const limits = {
    'x-max-length': config.get(options.SHADOW_MAX_LENGTH),
    'x-max-length-bytes': config.get(options.SHADOW_MAX_BYTES),
    'x-message-ttl': config.get(options.SHADOW_MESSAGE_TTL) * 1000,
    'x-expires': config.get(options.SHADOW_EXPIRES) * 1000,
  };
  const set = Object.entries(limits).filter(([, limit]) => limit > 0);
  return {
    queue: name === null ? queue : `${queue}.${name}`,
    arguments: { ...Object.fromEntries(set), 'x-overflow': config.get(options.SHADOW_OVERFLOW) },
  };
}

function transportDeployments(config: Config): Omit<ReadFile, 'path'> {
  const urls = transportUrls(config);
  const problems: Problem[] = [];
  const deployments = urls.flatMap(({ text, where }, index): readonly Deployment[] => {
    try {
      const id = urls.length === 1 ? 'amqp' : `amqp-${index + 1}`;
      return [transportDeployment(config, id, where, parseTransportUrl(text.reveal()))];
    } catch (thrown) {
      problems.push(asProblem(thrown, where));
      return [];
    }
  });
  return { deployments, problems };
}

function transportDeployment(config: Config, id: string, where: string, url: TransportUrl): Deployment {
  return {
    name: null,
    id,
    where,
    url,
    topology: notificationTopology(exchangesOf(config), config.get(NOTIFICATION_TOPICS), PRIORITIES),
    shadow: config.get(options.SHADOW) ? shadowOf(config, null) : null,
    takeover: config.get(options.TAKEOVER),
  };
}

interface ConfiguredUrl {
  readonly text: Secret;
  /** For the operator: which option it is, and where that is set. */
  readonly where: string;
}

function transportUrls(config: Config): readonly ConfiguredUrl[] {
  const listed = config.get(options.MESSAGING_URLS);
  const origin = config.origin(options.MESSAGING_URLS);
  if (listed.length > 0) {
    return listed.map((text, index) => ({
      text,
      where: `[notification] messaging_urls ${index + 1} (${origin})`,
    }));
  }
  if (config.get(options.DEPLOYMENTS_FILE) !== null) return [];
  for (const option of [NOTIFICATION_TRANSPORT_URL, TRANSPORT_URL]) {
    const text = config.get(option);
    if (text !== null)
      return [{ text, where: `[${option.group}] ${option.name} (${config.origin(option)})` }];
  }
  return [];
}
