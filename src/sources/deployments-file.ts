import type { QueueArguments } from '../bus/rabbit-settings.ts';
import { formatHost, parseTransportUrl, type TransportUrl } from '../bus/transport-url.ts';
import { NephoscopeError, type Problem, problem } from '../component/errors.ts';
import { Secret } from '../config/option.ts';
import type { YamlDocument } from '../config/yaml.ts';
import { type Deployment, effectiveTopology, type Shadow } from './deployments.ts';
import { Fields, isMapping, kindOf, type Mapping, type Path } from './deployments-fields.ts';
import { readDeploymentTopology, TOPOLOGY_KEYS, type TopologyDefaults } from './deployments-topology.ts';

/** What counts for a deployment that does not say otherwise: the options. */
export interface DeploymentDefaults extends TopologyDefaults {
  readonly takeover: boolean;
  readonly shadow: boolean;
  /** The shadow queue of a deployment with this name. */
  shadowFor(name: string): Shadow;
}

const CONNECTION_KEYS = [
  'url',
  'rabbit_host',
  'rabbit_port',
  'rabbit_userid',
  'rabbit_password',
  'rabbit_virtual_host',
];
const ENTRY_KEYS = [
  'name',
  'enabled',
  ...CONNECTION_KEYS,
  ...TOPOLOGY_KEYS,
  'queue_arguments',
  'durable_queue',
  'prefetch',
  'tls',
  'shadow',
  'takeover',
];
const TLS_KEYS = ['ca_file', 'cert_file', 'key_file', 'verify', 'verify_hostname'];
const NAME = /^[A-Za-z0-9][\w.:@-]{0,62}$/;

/** What a StackTach worker reads and this program does in its own way. */
const INEFFECTIVE_OF_ENTRY = {
  exit_on_exception: 'A failed deployment is tried again by itself; its state is on /readyz.',
};
const INEFFECTIVE_OF_ROOT = {
  workers: 'The number of processes is [notification] workers; they are watched without a time to set.',
};

/**
 * Checks a deployments file and reads the deployments of it. Pure.
 *
 * The root holds `deployments`, a list; the file of a StackTach worker (reference: stacktach.md section 2.1) is one as
 * well, with its meaning: exchange → queues under `topics`, and durable queues unless it says otherwise. All mistakes are
 * reported with their positions; `deployments` holds those without one. Disabled ones are checked and left out.
 */
export function readDeploymentsFile(
  document: YamlDocument,
  defaults: DeploymentDefaults,
): { readonly deployments: readonly Deployment[]; readonly problems: readonly Problem[] } {
  const check = new FileCheck(document, defaults);
  const deployments = check.run();
  return { deployments, problems: check.fields.problems };
}

interface Entry {
  readonly deployment: Deployment;
  readonly path: Path;
}

class FileCheck {
  readonly fields: Fields;
  readonly #root: unknown;
  readonly #defaults: DeploymentDefaults;
  readonly #names = new Set<string>();

  constructor(document: YamlDocument, defaults: DeploymentDefaults) {
    this.fields = new Fields(document);
    this.#root = document.value;
    this.#defaults = defaults;
  }

  run(): readonly Deployment[] {
    const root = this.#root;
    if (!isMapping(root)) {
      this.fields.mistake(`The file holds ${kindOf(root)} instead of a mapping with deployments`, []);
      return [];
    }
    this.fields.warnOfUnknown(root, [], ['deployments'], INEFFECTIVE_OF_ROOT);
    const list = root['deployments'];
    if (!Array.isArray(list)) {
      this.fields.mistake(`deployments holds ${kindOf(list)} instead of a list`, ['deployments']);
      return [];
    }
    const entries = list.flatMap((entry: unknown, index) => this.#entry(entry, ['deployments', index]));
    this.#refuseSharedQueues(entries);
    return entries.map(({ deployment }) => deployment);
  }

  #entry(entry: unknown, path: Path): readonly Entry[] {
    if (!isMapping(entry)) {
      this.fields.mistake(`A deployment is ${kindOf(entry)} instead of a mapping`, path);
      return [];
    }
    this.fields.warnOfUnknown(entry, path, ENTRY_KEYS, INEFFECTIVE_OF_ENTRY);
    const enabled = this.fields.boolean(entry, path, 'enabled') ?? true;
    const mistakesBefore = this.fields.problems.length;
    const name = this.#name(entry, path);
    const url = this.#url(entry, path);
    const topology = readDeploymentTopology(this.fields, entry, path, {
      ...this.#defaults,
      queueArguments: this.#queueArguments(entry, path),
    });
    const takeover = this.fields.boolean(entry, path, 'takeover') ?? this.#defaults.takeover;
    const shadow = this.#shadow(entry, path, name ?? '');
    const failed = this.fields.problems.slice(mistakesBefore).some(({ severity }) => severity === 'error');
    if (failed || !enabled || name === null || url === null || topology === null) return [];
    const where = `deployment ${name} (${this.fields.where(path)})`;
    return [{ deployment: { name, id: name, where, url, topology, shadow, takeover }, path }];
  }

  #name(entry: Mapping, path: Path): string | null {
    if (entry['name'] === undefined || entry['name'] === null) {
      this.fields.mistake('A deployment has no name', path, 'Give it a name: its records carry it.');
      return null;
    }
    const name = this.fields.text(entry, path, 'name');
    if (name === undefined) return null;
    if (!NAME.test(name)) {
      const hint = 'Use up to 63 letters, digits, "_", "-", ".", ":" and "@", the first a letter or digit.';
      this.fields.mistake(
        'A name of a deployment has other characters than allowed',
        [...path, 'name'],
        hint,
      );
      return null;
    }
    if (this.#names.has(name)) {
      this.fields.mistake(`Two deployments have the name ${name}`, [...path, 'name']);
      return null;
    }
    this.#names.add(name);
    return name;
  }

  #url(entry: Mapping, path: Path): TransportUrl | null {
    const given = entry['url'] === undefined ? this.#stackTachUrl(entry, path) : this.#plainUrl(entry, path);
    if (given === null) return null;
    const query = new Map([...given.query, ...this.#overrides(entry, path)]);
    return { ...given, query };
  }

  #plainUrl(entry: Mapping, path: Path): TransportUrl | null {
    for (const key of CONNECTION_KEYS.slice(1)) {
      if (entry[key] === undefined) continue;
      this.fields.mistake(`Both url and ${key} are set`, [...path, key], 'Put everything into the url.');
    }
    const text = this.fields.text(entry, path, 'url');
    if (text === undefined) return null;
    try {
      return parseTransportUrl(text);
    } catch (thrown) {
      if (!(thrown instanceof NephoscopeError)) throw thrown;
      this.fields.add(problem(thrown.code, thrown.message, undefined, { hint: thrown.hint }), [
        ...path,
        'url',
      ]);
      return null;
    }
  }

  #stackTachUrl(entry: Mapping, path: Path): TransportUrl | null {
    const host = this.fields.text(entry, path, 'rabbit_host');
    const port = this.fields.integer(entry, path, 'rabbit_port', 1, 65_535) ?? 5672;
    const username = this.fields.text(entry, path, 'rabbit_userid') ?? null;
    const password = this.fields.text(entry, path, 'rabbit_password');
    const vhost = this.fields.text(entry, path, 'rabbit_virtual_host') ?? '/';
    if (host === undefined) {
      if (entry['rabbit_host'] === undefined) {
        const hint = 'Write url: rabbit://user:password@host:5672/vhost, or rabbit_host and its companions.';
        this.fields.mistake('A deployment has neither url nor rabbit_host', path, hint);
      }
      return null;
    }
    const login = { username, password: password === undefined ? null : new Secret(password) };
    return { driver: 'rabbit', hosts: [{ host, port, ...login }], vhost, query: new Map(), warnings: [] };
  }

  /** What the entry says about the connection, as options of the URL's query. */
  #overrides(entry: Mapping, path: Path): readonly (readonly [string, string])[] {
    const overrides: [string, string][] = [];
    const set = (name: string, value: unknown): void => {
      if (value !== undefined) overrides.push([name, String(value)]);
    };
    // A StackTach worker that does not say it means durable queues.
    const durable = isMapping(entry['topics']) ? true : undefined;
    set('amqp_durable_queues', this.fields.boolean(entry, path, 'durable_queue') ?? durable);
    set('rabbit_qos_prefetch_count', this.fields.integer(entry, path, 'prefetch', 1, 65_535));
    if (typeof entry['tls'] === 'boolean') set('ssl', entry['tls']);
    else this.#tls(this.fields.mapping(entry, path, 'tls'), [...path, 'tls'], set);
    return overrides;
  }

  #tls(tls: Mapping | undefined, path: Path, set: (name: string, value: unknown) => void): void {
    if (tls === undefined) return;
    this.fields.warnOfUnknown(tls, path, TLS_KEYS, {});
    set('ssl', true);
    set('ssl_ca_file', this.fields.text(tls, path, 'ca_file'));
    set('ssl_cert_file', this.fields.text(tls, path, 'cert_file'));
    set('ssl_key_file', this.fields.text(tls, path, 'key_file'));
    set('ssl_verify', this.fields.boolean(tls, path, 'verify'));
    set('ssl_enforce_hostname_verification', this.fields.boolean(tls, path, 'verify_hostname'));
  }

  #queueArguments(entry: Mapping, path: Path): QueueArguments {
    const given = this.fields.mapping(entry, path, 'queue_arguments') ?? {};
    for (const [name, value] of Object.entries(given)) {
      const at = [...path, 'queue_arguments', name];
      if (name === 'x-queue-type' && value === 'stream') {
        this.fields.mistake('A stream cannot be acknowledged like a queue', at, 'Use classic or quorum.');
      }
      if (['string', 'number', 'boolean'].includes(typeof value)) continue;
      this.fields.mistake(`${name} is ${kindOf(value)} instead of a text, a number or true or false`, at);
    }
    return given as QueueArguments;
  }

  /** `shadow: true` means the queue of the options, a text names another one. */
  #shadow(entry: Mapping, path: Path, name: string): Shadow | null {
    const { shadowFor, shadow } = this.#defaults;
    const value = entry['shadow'];
    const own = { ...this.#defaults.shadowFor(name).arguments, ...this.#plainArguments(entry) };
    if (typeof value === 'string' && value !== '') return { queue: value, arguments: own };
    const wanted = this.fields.boolean(entry, path, 'shadow') ?? shadow;
    return wanted ? { queue: shadowFor(name).queue, arguments: own } : null;
  }

  /** What the entry says about its queues counts for its shadow queue too. */
  #plainArguments(entry: Mapping): Shadow['arguments'] {
    const given = entry['queue_arguments'];
    return isMapping(given) ? (given as Shadow['arguments']) : {};
  }

  /** Two that read one queue would each get an arbitrary half of it under their own name. */
  #refuseSharedQueues(entries: readonly Entry[]): void {
    const owners = new Map<string, string>();
    for (const { deployment, path } of entries) {
      const broker = `${deployment.url.hosts.map(formatHost).sort().join()}/${deployment.url.vhost}`;
      for (const { name } of effectiveTopology(deployment).queues) {
        const owner = owners.get(`${broker}\0${name}`);
        owners.set(`${broker}\0${name}`, owner ?? deployment.id);
        if (owner === undefined) continue;
        const what = `Deployments ${owner} and ${deployment.id} read the same queue ${JSON.stringify(name)}`;
        this.fields.mistake(
          `${what} of the same broker`,
          path,
          'Merge them, or correct the broker or virtual host.',
        );
        break;
      }
    }
  }
}
