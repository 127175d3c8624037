import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { notificationTopology } from '../bus/topology.ts';
import { parseYaml } from '../config/yaml.ts';
import { PRIORITIES } from '../model/notification.ts';
import { type DeploymentDefaults, readDeploymentsFile } from './deployments-file.ts';

const DEFAULTS: DeploymentDefaults = {
  exchanges: ['nova', 'glance'],
  topics: ['notifications'],
  takeover: false,
  shadow: false,
  shadowFor: (name) => ({ queue: `shadow.${name}`, arguments: { 'x-max-length': 9 } }),
};

function read(text: string, defaults: DeploymentDefaults = DEFAULTS) {
  const { document, problems } = parseYaml('d.yaml', text);
  assert.ok(document !== null, JSON.stringify(problems));
  const result = readDeploymentsFile(document, defaults);
  return {
    deployments: result.deployments,
    lines: result.problems.map(
      ({ code, severity, message, position }) =>
        `${position?.line}:${position?.column} ${code} ${severity === 'warning' ? 'warning: ' : ''}${message}`,
    ),
  };
}

suite('deployments file', () => {
  test('an entry says its broker, what is read there and how; the options count for the rest', () => {
    const { deployments, lines } = read(`
deployments:
  - name: east.cell1
    url: rabbit://st:s3cret@broker-1:5673/cell1?heartbeat_timeout_threshold=30
    exchanges: [nova]
    topics: [notifications, versioned_notifications]
    priorities: [info, ERROR]
    durable_queue: true
    prefetch: 500
    queue_arguments: {x-queue-type: quorum}
    tls: {ca_file: /etc/ca.pem, cert_file: /etc/c.pem, key_file: /etc/k.pem, verify_hostname: false}
    takeover: true
  - name: west
    url: rabbit://h/
`);
    assert.deepEqual(lines, []);
    const [east, west] = deployments;
    assert.equal(east?.url.hosts[0]?.password?.reveal(), 's3cret');
    assert.deepEqual(
      { ...east, url: Object.fromEntries(east?.url.query ?? []) },
      {
        name: 'east.cell1',
        id: 'east.cell1',
        where: 'deployment east.cell1 (d.yaml:3)',
        url: {
          heartbeat_timeout_threshold: '30',
          amqp_durable_queues: 'true',
          rabbit_qos_prefetch_count: '500',
          ssl: 'true',
          ssl_ca_file: '/etc/ca.pem',
          ssl_cert_file: '/etc/c.pem',
          ssl_key_file: '/etc/k.pem',
          ssl_enforce_hostname_verification: 'false',
        },
        topology: {
          exchanges: ['nova'],
          queues: [
            'notifications.info',
            'notifications.error',
            'versioned_notifications.info',
            'versioned_notifications.error',
          ].map((key) => ({
            name: key,
            bindings: [{ exchange: 'nova', routingKey: key }],
            arguments: { 'x-queue-type': 'quorum' },
          })),
        },
        shadow: null,
        takeover: true,
      },
    );
    assert.deepEqual(west?.topology, notificationTopology(['nova', 'glance'], ['notifications'], PRIORITIES));
    assert.deepEqual([west?.takeover, west?.shadow, west?.url.vhost], [false, null, '/']);
  });

  test('the file of a StackTach worker is read as it is: JSON, queues by exchange, durable by default', () => {
    const { deployments, lines } = read(`{"deployments": [
\t{"name": "east.global", "enabled": true,
    "rabbit_host": "10.1.0.5", "rabbit_port": 5673, "rabbit_userid": "st", "rabbit_password": "p/w@1",
    "rabbit_virtual_host": "v", "queue_arguments": {"x-ha-policy": "all"},
    "exit_on_exception": false,
    "topics": {"nova":   [{"queue": "monitor.info",  "routing_key": "monitor.info"},
                          {"queue": "monitor.error", "routing_key": "monitor.error"}],
               "glance": [{"queue": "monitor.info", "routing_key": "monitor_glance.info"}, "plain"]}},
   {"name": "off", "enabled": false, "rabbit_host": "10.1.1.5", "durable_queue": false, "topics": {"nova": ["a"]}}],
 "workers": {"process_timeout": 600}}`);
    assert.deepEqual(lines, [
      '10:2 E1019 warning: The key workers has no effect',
      '5:5 E1019 warning: The key exit_on_exception has no effect',
    ]);
    const [east] = deployments;
    assert.equal(deployments.length, 1);
    const [host] = east?.url.hosts ?? [];
    assert.deepEqual(
      [host?.host, host?.port, host?.username, host?.password?.reveal(), east?.url.vhost],
      ['10.1.0.5', 5673, 'st', 'p/w@1', 'v'],
    );
    assert.deepEqual([...(east?.url.query ?? [])], [['amqp_durable_queues', 'true']]);
    const ha = { 'x-ha-policy': 'all' };
    assert.deepEqual(east?.topology, {
      exchanges: ['nova', 'glance'],
      queues: [
        {
          name: 'monitor.info',
          bindings: [
            { exchange: 'nova', routingKey: 'monitor.info' },
            { exchange: 'glance', routingKey: 'monitor_glance.info' },
          ],
          arguments: ha,
        },
        {
          name: 'monitor.error',
          bindings: [{ exchange: 'nova', routingKey: 'monitor.error' }],
          arguments: ha,
        },
        { name: 'plain', bindings: [{ exchange: 'glance', routingKey: 'plain' }], arguments: ha },
      ],
    });
  });

  test('all mistakes are told in one run, each with its place, and no secret among them', () => {
    const { deployments, lines } = read(`
deployments:
  - nmae: x
    url: rabbit://u:geheim@h:99999/
  - name: "a b"
    rabbit_host: h
    rabbit_port: 0
    rabbit_password: 12345
  - name: twice
    url: rabbit://h/a
    priorities: [info, warning]
    topics: []
    prefetch: lots
  - name: twice
    url: rabbit://h/b
    rabbit_host: h
    queue_arguments: {x-queue-type: stream, x-list: [1]}
    tls: {ca: f}
  - name: nowhere
    topics: {nova: [], glance: [{routing_key: k}, 7]}
    exchanges: [nova]
  - 7
`);
    assert.deepEqual(deployments, []);
    assert.deepEqual(lines, [
      '3:5 E1019 warning: The key nmae has no effect',
      '3:5 E1018 A deployment has no name',
      '4:10 E2001 Bad transport URL: the port of host 1 is not a number between 1 and 65535; a / # or ? inside a password is written as %2F %23 %3F',
      '5:11 E1018 A name of a deployment has other characters than allowed',
      '7:18 E1018 rabbit_port is a number instead of a whole number from 1 to 65535',
      '8:22 E1018 rabbit_password is a number instead of a text',
      '13:15 E1018 prefetch is a text instead of a whole number from 1 to 65535',
      '12:13 E1018 topics is an empty list instead of a list of texts',
      '11:24 E1018 There is no priority "warning"',
      '14:11 E1018 Two deployments have the name twice',
      '16:18 E1018 Both url and rabbit_host are set',
      '18:11 E1019 warning: The key ca has no effect',
      '17:37 E1018 A stream cannot be acknowledged like a queue',
      '17:53 E1018 x-list is a list instead of a text, a number or true or false',
      '19:5 E1018 A deployment has neither url nor rabbit_host',
      '21:16 E1018 exchanges does not go with a mapping under topics',
      '20:20 E1018 nova has an empty list instead of a list of queues',
      '20:33 E1018 A queue has no name',
      '20:51 E1018 A queue is a number instead of a mapping with queue and routing_key',
      '22:5 E1018 A deployment is a number instead of a mapping',
    ]);
  });

  test('two deployments cannot read the same queue of a broker, but shadow queues are apart', () => {
    const text = `
deployments:
  - {name: a, url: 'rabbit://x@h1,x@h2/v', topics: [notifications]}
  - {name: b, url: 'rabbit://y@h2,y@h1/v', topics: [notifications]}
  - {name: c, url: 'rabbit://y@h1,y@h2/w', topics: [notifications]}
`;
    assert.deepEqual(read(text).lines, [
      '4:5 E1018 Deployments a and b read the same queue "notifications.audit" of the same broker',
    ]);
    assert.deepEqual(read(text, { ...DEFAULTS, shadow: true }).lines, []);
  });

  test('a shadow queue takes its name and its bounds from the options unless the entry says otherwise', () => {
    const { deployments } = read(`
deployments:
  - {name: a, url: 'rabbit://h/a', shadow: true}
  - {name: b, url: 'rabbit://h/b', shadow: my.copy, queue_arguments: {x-max-length: 5, x-queue-type: quorum}}
  - {name: c, url: 'rabbit://h/c', shadow: false}
`);
    assert.deepEqual(
      deployments.map(({ shadow }) => shadow),
      [
        { queue: 'shadow.a', arguments: { 'x-max-length': 9 } },
        { queue: 'my.copy', arguments: { 'x-max-length': 5, 'x-queue-type': 'quorum' } },
        null,
      ],
    );
  });

  test('what a file holds never makes it throw, and what is given back has no mistake', () => {
    const key = fc.constantFrom(
      'name',
      'url',
      'topics',
      'priorities',
      'tls',
      'shadow',
      'rabbit_host',
      'queue_arguments',
      'exchanges',
      'prefetch',
    );
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom('rabbit://h/', 'info', 'a', { nova: [{ queue: 'q' }] }),
    );
    const file = fc.record({ deployments: fc.array(fc.dictionary(key, value), { maxLength: 4 }) });
    fc.assert(
      fc.property(fc.oneof(file, fc.jsonValue()), (root) => {
        const { document } = parseYaml('d.yaml', JSON.stringify(root));
        if (document === null) return;
        const { deployments, problems } = readDeploymentsFile(document, DEFAULTS);
        const names = deployments.map(({ id }) => id);
        assert.equal(new Set(names).size, names.length);
        assert.ok(problems.every(({ position }) => position !== undefined));
      }),
      { numRuns: 300 },
    );
  });
});
