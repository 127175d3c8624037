// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are written so
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { ConfigurationError } from '../component/errors.ts';
import { type LoadRequest, loadConfig, loadConfigWithoutFiles } from './load.ts';
import { type Config, defineOption, type Option } from './option.ts';
import { formatProblems } from './problems.ts';
import { showConfig } from './show.ts';

const common = { doc: 'A test option.', since: '0.1.0' } as const;
const HOST = defineOption({ group: 'DEFAULT', name: 'host', type: 'string', default: 'node-1', ...common });
const STATE_PATH = defineOption({
  group: 'DEFAULT',
  name: 'state_path',
  type: 'string',
  default: '/var/lib/x',
  ...common,
});
const LOCK_PATH = defineOption({
  group: 'DEFAULT',
  name: 'lock_path',
  type: 'string',
  default: '$state_path/lock',
  ...common,
});
const TRANSPORT_URL = defineOption({
  group: 'DEFAULT',
  name: 'transport_url',
  type: 'secret',
  default: null,
  ...common,
});
const PORT = defineOption({ group: 'api', name: 'port', type: 'port', default: 8777, min: 1, ...common });
const API_HOST = defineOption({
  group: 'api',
  name: 'host',
  type: 'string',
  default: '127.0.0.1',
  ...common,
});
const WORKERS = defineOption({
  group: 'api',
  name: 'workers',
  type: 'integer',
  default: 1,
  min: 1,
  unit: 'processes',
  ...common,
});
const TTL = defineOption({
  group: 'database',
  name: 'metering_time_to_live',
  type: 'integer',
  default: -1,
  unit: 'seconds',
  deprecatedNames: [{ group: 'database', name: 'time_to_live' }],
  ...common,
});
const TOPICS = defineOption({
  group: 'oslo_messaging_notifications',
  name: 'topics',
  type: 'list',
  default: ['notifications'],
  ...common,
});
const STORE_RAW = defineOption({
  group: 'event',
  name: 'store_raw',
  type: 'multi',
  default: [],
  deprecatedNames: [{ group: 'DEFAULT', name: 'raw' }],
  ...common,
});
const URLS = defineOption({
  group: 'notification',
  name: 'messaging_urls',
  type: 'secret-multi',
  default: [],
  ...common,
});
const VERBOSE = defineOption({ group: 'DEFAULT', name: 'debug', type: 'boolean', default: false, ...common });
const OPTIONS: readonly Option[] = [
  ...[
    HOST,
    STATE_PATH,
    LOCK_PATH,
    TRANSPORT_URL,
    PORT,
    API_HOST,
    WORKERS,
    TTL,
    TOPICS,
    STORE_RAW,
    URLS,
    VERBOSE,
  ],
];

let root = '';
let counter = 0;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'load-config-'));
});
after(() => rmSync(root, { recursive: true }));

function write(name: string, text: string | Uint8Array): string {
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

interface Given extends Partial<LoadRequest> {
  /** Texts of files, in their order. */
  readonly texts?: readonly string[];
}

function load({ texts = [], ...request }: Given): ReturnType<typeof loadConfig> {
  counter += 1;
  const written = texts.map((text, index) => write(`${counter}/${index}.conf`, text));
  const nowhere = join(root, 'nowhere');
  const files = [...written, ...(request.files ?? [])];
  return loadConfig({
    options: OPTIONS,
    dirs: [],
    environment: {},
    home: nowhere,
    etc: nowhere,
    ...request,
    files,
  });
}

function loaded(given: Given): Config {
  const { config, problems } = load(given);
  assert.ok(config !== null, formatProblems(problems));
  return config;
}

function problemsOf(given: Given): readonly string[] {
  return load(given).problems.map(
    ({ code, severity, message, position }) =>
      `${code} ${severity === 'warning' ? 'warning ' : ''}${position === undefined ? '' : `${position.line}:${position.column} `}${message}`,
  );
}

describe('precedence', () => {
  const file = '[api]\nport = 1000\n';
  const flag = { group: 'api', name: 'port', values: ['2000'], flag: '--port' };

  it('takes defaults without any file', () => {
    const config = loaded({});
    assert.equal(config.get(PORT), 8777);
    assert.equal(config.origin(PORT), 'default');
    assert.deepEqual(config.get(TOPICS), ['notifications']);
    assert.equal(config.get(TRANSPORT_URL), null);
  });

  it('where there are no files, takes defaults and the environment, or says what is wrong there', () => {
    const config = loadConfigWithoutFiles(OPTIONS, { OS_API__PORT: '3000' });
    assert.deepEqual([config.get(PORT), config.get(WORKERS), config.findFile('passwd')], [3000, 1, null]);
    const wrong = { OS_API__PORT: 'many', OS_API__WORKERS: '0' };
    assert.throws(
      () => loadConfigWithoutFiles(OPTIONS, wrong),
      (thrown) => thrown instanceof ConfigurationError && thrown.problems.length === 2,
    );
  });

  it('takes a file over the default, a later file over an earlier one, the last of two lines', () => {
    assert.equal(loaded({ texts: [file] }).get(PORT), 1000);
    const config = loaded({ texts: [file, '[API]\nport = 1\nport = 1001\n'] });
    assert.equal(config.get(PORT), 1001);
    assert.match(config.origin(PORT), /1\.conf:3$/);
  });

  it('takes a flag over files, and the environment over flags', () => {
    const config = loaded({ texts: [file], overrides: [flag] });
    assert.deepEqual([config.get(PORT), config.origin(PORT)], [2000, 'command line --port']);
    const other = loaded({ texts: [file], overrides: [flag], environment: { OS_API__PORT: '3000' } });
    assert.deepEqual([other.get(PORT), other.origin(PORT)], [3000, 'environment OS_API__PORT']);
  });

  it('takes an empty environment variable as an empty value', () => {
    const environment = { OS_DEFAULT__HOST: '', OS_EVENT__STORE_RAW: '' };
    const config = loaded({ texts: ['[event]\nstore_raw = info'], environment });
    assert.deepEqual([config.get(HOST), config.get(STORE_RAW)], ['', []]);
    assert.equal(config.origin(STORE_RAW), 'environment OS_EVENT__STORE_RAW');
  });

  it('splits repeated options at commas in the environment only', () => {
    const inFile = loaded({ texts: ['[event]\nstore_raw = a,b\nstore_raw = c'] });
    assert.deepEqual(inFile.get(STORE_RAW), ['a,b', 'c']);
    assert.deepEqual(loaded({ environment: { OS_EVENT__STORE_RAW: 'a, b' } }).get(STORE_RAW), ['a', 'b']);
  });

  it('collects repeated options across files and old names', () => {
    const texts = [
      '[event]\nstore_raw = n1\nstore_raw = n2\n[DEFAULT]\nraw = o1',
      '[DEFAULT]\nraw = o2\n[event]\nstore_raw = n3',
    ];
    assert.deepEqual(loaded({ texts }).get(STORE_RAW), ['o1', 'n1', 'n2', 'o2', 'n3']);
  });

  it('gives the same frozen value at each reading', () => {
    const config = loaded({ texts: ['[event]\nstore_raw = a'] });
    assert.equal(config.get(STORE_RAW), config.get(STORE_RAW));
    assert.ok(Object.isFrozen(config.get(STORE_RAW)));
  });

  it('throws for an option that was not declared: a mistake of the program', () => {
    const other = defineOption({ group: 'x', name: 'y', type: 'string', default: null, ...common });
    assert.throws(() => loaded({}).get(other), /not declared/);
  });
});

describe('old names', () => {
  const warning = (text: string) => problemsOf({ texts: [text] });

  it('are read, with one warning', () => {
    const text = '[database]\ntime_to_live = 5\n';
    assert.equal(loaded({ texts: [text] }).get(TTL), 5);
    assert.deepEqual(warning(text), [
      'E1014 warning 2:1 [database] time_to_live is the old name of [database] metering_time_to_live',
    ]);
  });

  it('lose against the new name in the same file, and win in a later file', () => {
    const both = '[database]\ntime_to_live = 5\nmetering_time_to_live = 6\n';
    assert.equal(loaded({ texts: [both] }).get(TTL), 6);
    assert.equal(warning(both).length, 1);
    const texts = ['[database]\nmetering_time_to_live = 6\n', '[database]\ntime_to_live = 5\n'];
    assert.equal(loaded({ texts }).get(TTL), 5);
  });
});

describe('substitution', () => {
  const host = (text: string) => loaded({ texts: [text] }).get(HOST);

  it('replaces options of the same group, else of DEFAULT, and of a named group', () => {
    assert.equal(host('[DEFAULT]\nhost = $state_path-${lock_path}'), '/var/lib/x-/var/lib/x/lock');
    assert.equal(host('[DEFAULT]\nhost = $api.port'), '8777');
    const config = loaded({
      texts: ['[DEFAULT]\nhost = outer\n[api]\nhost = inner\nport = 1\n[event]\nstore_raw = $host'],
    });
    assert.deepEqual(config.get(STORE_RAW), ['outer']);
    assert.equal(loaded({ texts: ['[api]\nport = 9\nhost = p$port'] }).get(API_HOST), 'p9');
  });

  it('works in defaults, in the environment and before a list is split', () => {
    const config = loaded({
      texts: ['[DEFAULT]\nstate_path = /srv\n[oslo_messaging_notifications]\ntopics = $host,b'],
      environment: { OS_DEFAULT__HOST: 'x,y', OS_API__HOST: '$state_path' },
    });
    assert.equal(config.get(LOCK_PATH), '/srv/lock');
    assert.equal(config.origin(LOCK_PATH), 'default');
    assert.equal(config.get(API_HOST), '/srv');
    assert.deepEqual(config.get(TOPICS), ['x', 'y', 'b']);
  });

  it('takes names that operators make for themselves, without a warning', () => {
    const text = '[DEFAULT]\nmy_ip = 10.0.0.$last\nlast = 7\nhost = $my_ip';
    assert.equal(host(text), '10.0.0.7');
    assert.deepEqual(problemsOf({ texts: [text] }), []);
  });

  it('reports what is not set and what goes in circles', () => {
    assert.deepEqual(problemsOf({ texts: ['[DEFAULT]\nhost = $nothing'] }), [
      'E1011 2:8 [DEFAULT] host = $nothing refers to an option that is not set: $nothing',
    ]);
    assert.deepEqual(
      problemsOf({ texts: ['[DEFAULT]\nhost = $state_path\nstate_path = $own\nown = $host'] }),
      ['E1012 3:14 [DEFAULT] state_path = $own refers to itself: $own'],
    );
  });

  it('ends where values grow without bound', () => {
    const chain = (count: number, value: (next: string) => string) =>
      Array.from({ length: count }, (_, index) => `v${index} = ${value(`$v${index + 1}`)}\n`).join('');
    const doubling = `[DEFAULT]\nhost = $v0\n${chain(40, (next) => next + next)}v40 = x\n`;
    const deep = `[DEFAULT]\nhost = $v0\n${chain(50_000, (next) => next)}v50000 = x\n`;
    for (const text of [doubling, deep]) {
      assert.match(problemsOf({ texts: [text] })[0] ?? '', /^E1012 2:8 .* refers to too many others/);
    }
  });

  it('keeps secrets out of options that are shown', () => {
    const text = '[DEFAULT]\ntransport_url = hunter2\nhost = $transport_url\n';
    const { config, problems } = load({ texts: [text] });
    assert.equal(config, null);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['E1017'],
    );
    assert.doesNotMatch(formatProblems(problems), /hunter2/);
  });
});

describe('mistakes', () => {
  it('are all reported in one run, with their places', () => {
    const text = '[api]\nport = 99999\nworkers = two\n[DEFAULT]\ndebug = maybe\nnonsense\n';
    const environment = { OS_EVENT__STORE_RAW: '$no', OS_DEFAULT__HOST: '$host' };
    assert.deepEqual(
      new Set(problemsOf({ texts: [text], environment })),
      new Set([
        'E1004 6:1 there is no = or : in this line',
        'E1009 2:8 [api] port = 99999 is out of range',
        'E1008 3:11 [api] workers = two is not a whole number',
        'E1008 5:9 [DEFAULT] debug = maybe is not true or false',
        'E1011 OS_EVENT__STORE_RAW=$no refers to an option that is not set: $no',
        'E1012 OS_DEFAULT__HOST=$host refers to itself: $host',
      ]),
    );
  });

  it('are shown as an operator needs them', () => {
    const file = write('shown.conf', '[api]\nport = 99999  # too high\n');
    assert.equal(
      formatProblems(load({ files: [file] }).problems),
      [
        'E1008  [api] port = 99999  # too high is not a whole number',
        `  --> ${file}:2:8`,
        '    2 | port = 99999  # too high',
        '      |        ^^^^^',
        '  help: Write a whole number in digits. A comment needs a line of its own; behind a value it is part of the value.',
      ].join('\n'),
    );
  });

  it('name the wrong one of several', () => {
    const option = { ...STORE_RAW, choices: ['info', 'error'] };
    const { problems } = load({
      options: [option],
      texts: ['[event]\nstore_raw = info\nstore_raw = eror\nstore_raw = error'],
    });
    assert.deepEqual(
      problems.map(({ code, position }) => [code, position?.line]),
      [['E1010', 3]],
    );
  });

  it('warn of a comment behind a text', () => {
    assert.deepEqual(problemsOf({ texts: ['[DEFAULT]\nhost = a # b\n'] }), [
      'E1016 warning 2:8 what follows the # or ; in [DEFAULT] host is part of the value',
    ]);
  });

  it('report files that are missing, unreadable, too large or not text', () => {
    const latin1 = write('latin1.conf', Buffer.from('[DEFAULT]\nhost = caf\xe9\n', 'latin1'));
    const utf16 = write('utf16.conf', Buffer.from('\uFEFF[DEFAULT]\n', 'utf16le'));
    const large = write('large.conf', '#'.repeat(4 * 1024 * 1024 + 1));
    const directory = dirname(write('directory.conf/x', ''));
    const files = [join(root, 'missing.conf'), directory, latin1, utf16, large];
    assert.deepEqual(problemsOf({ files, dirs: [join(root, 'no-directory')] }), [
      'E1001 1:1 the directory cannot be read',
      'E1001 1:1 the file cannot be read: there is no such file',
      'E1001 1:1 the file cannot be read: it is a directory',
      'E1002 2:11 the byte 0xe9 is not UTF-8',
      'E1002 1:1 the file is UTF-16',
      'E1003 1:1 the file has more than 4194304 bytes',
    ]);
  });

  it('report a file this user may not read', {
    skip: process.getuid?.() === 0 && 'root reads everything',
  }, () => {
    const file = write('closed.conf', '');
    chmodSync(file, 0);
    assert.deepEqual(problemsOf({ files: [file] }), [
      'E1001 1:1 the file cannot be read: this user may not read it',
    ]);
  });
});

describe('what has no effect', () => {
  it('is a warning, one for all options of a file that belong elsewhere', () => {
    const text =
      '[DEFAULT]\nrpc_backend = rabbit\nauth_strategy = keystone\n[keystone_authtoken]\nadmin_user = c\nadmin_password = hunter2\n[api]\nport = 80\n';
    const { config, problems } = load({ texts: [text] });
    assert.equal(config?.get(PORT), 80);
    assert.deepEqual(
      problems.map(({ severity, message, position }) => [severity, message, position?.line]),
      [
        [
          'warning',
          '4 options have no effect here: [DEFAULT] rpc_backend, auth_strategy; [keystone_authtoken] admin_user, admin_password',
          2,
        ],
      ],
    );
    assert.doesNotMatch(formatProblems(problems), /hunter2/);
  });

  const slips: readonly (readonly [string, string])[] = [
    ['[api]\nprot = 80', 'Did you mean [api] port?'],
    ['[apii]\nport = 80', 'Did you mean [api] port?'],
    ['[ api ]\nport = 80', 'Did you mean [api] port?'],
    ['[default]\ndebug = true', 'Did you mean [DEFAULT] debug?'],
    ['[DEFAULT]\nstate-path = /x', 'Did you mean [DEFAULT] state_path?'],
    ['[DEFAULT]\nDebug = true', 'Did you mean [DEFAULT] debug?'],
    ['[DEFAULT]\nmessaging_urls = rabbit://', 'Did you mean [notification] messaging_urls?'],
  ];
  for (const [text, hint] of slips) {
    it(`says ${hint} to ${JSON.stringify(text)}`, () => {
      const { config, problems } = load({ texts: [text] });
      assert.ok(config !== null);
      assert.deepEqual(
        problems.map((one) => [one.code, one.severity, one.hint, one.position?.line]),
        [['E1013', 'warning', hint, 2]],
      );
    });
  }

  it('is named among environment variables too, but for those of OpenStack clients', () => {
    const environment = {
      OS_API__PROT: '1',
      OS_DATABASE__TIME_TO_LIVE: '5',
      OS_AUTH_URL: 'x',
      OS_PASSWORD: 'hunter2',
      HOME: '/',
    };
    const { problems } = load({ environment });
    assert.deepEqual(
      problems.map(({ code, severity, message, hint }) => [code, severity, message, hint]),
      [
        [
          'E1015',
          'warning',
          'the environment variable OS_API__PROT has no effect',
          'Did you mean OS_API__PORT?',
        ],
        [
          'E1015',
          'warning',
          'the environment variable OS_DATABASE__TIME_TO_LIVE has no effect',
          'Did you mean OS_DATABASE__METERING_TIME_TO_LIVE?',
        ],
      ],
    );
  });
});

describe('finding files', () => {
  const place = (name: string) => join(root, 'search', name);
  const search = (): Given => ({ home: place('home'), etc: place('etc') });
  before(() => {
    for (const name of ['etc/ceilometer/ceilometer.conf', 'etc/ceilometer.conf']) {
      write(`search/${name}`, `[DEFAULT]\nhost = ${name}\n`);
    }
  });

  it('reads ceilometer.conf where there is no nephoscope.conf', () => {
    assert.equal(loaded(search()).get(HOST), 'etc/ceilometer.conf');
  });

  it('reads only the first nephoscope.conf where there is one, and its directory of parts', () => {
    write('search/etc/nephoscope/nephoscope.conf', '[DEFAULT]\nhost = etc\nstate_path = /s\n');
    write('search/etc/nephoscope/nephoscope.conf.d/20.conf', '[DEFAULT]\nstate_path = /20\n');
    write('search/etc/nephoscope/nephoscope.conf.d/10.conf', '[DEFAULT]\nstate_path = /10\n');
    write('search/etc/nephoscope/nephoscope.conf.d/30.conf.bak', 'broken');
    const config = loaded(search());
    assert.deepEqual([config.get(HOST), config.get(STATE_PATH)], ['etc', '/20']);
    write('search/home/.nephoscope/nephoscope.conf', '[DEFAULT]\nhost = home\n');
    assert.equal(loaded(search()).get(HOST), 'home');
  });

  it('reads exactly the files that are named, directories after them', () => {
    const directory = dirname(write('parts/b.conf', '[DEFAULT]\nstate_path = /b\n'));
    const config = loaded({ ...search(), texts: ['[DEFAULT]\nstate_path = /a\n'], dirs: [directory] });
    assert.deepEqual([config.get(HOST), config.get(STATE_PATH)], ['node-1', '/b']);
  });

  it('finds a named file in the directories, beside the files, and in the usual places', () => {
    const directory = dirname(write('found/dir/x.conf', ''));
    const file = write('found/beside/a.conf', '');
    const config = loaded({ ...search(), files: [file], dirs: [directory] });
    assert.equal(config.findFile('pipeline.yaml'), null);
    const expected = [
      'search/etc/ceilometer',
      'search/home/.ceilometer',
      'search/etc/nephoscope',
      'search/home/.nephoscope',
      'found/beside',
      'found/dir',
    ];
    for (const name of expected) {
      const path = write(`${name}/pipeline.yaml`, '');
      assert.equal(config.findFile('pipeline.yaml'), path);
      assert.equal(config.findFile(path), path);
    }
    assert.equal(config.findFile('~/.nephoscope/pipeline.yaml'), place('home/.nephoscope/pipeline.yaml'));
    assert.equal(config.findFile('.'), null);
  });
});

describe('secrets', () => {
  const canary = 'c4nary-hunter2';
  const texts = [
    `[DEFAULT]\ntransport_url = rabbit://u:${canary}@h/$x${canary}\n`,
    `[DEFAULT]\ntransport_url = ${canary}\nhost = rabbit://u:${canary}$zz@h\nstate_path = mysql://u:${canary}@h # x\n`,
    `[DEFAULT]\ntransport_url = ${canary} # ${canary}\n  # ${canary}\n\n  ${canary}\n`,
    `[notification]\nmessaging_urls = a\nmessaging_urls = $${canary}\n`,
    `[keystone_authtoken]\npassword = ${canary}\n[api]\nport = http://u:${canary}@h\n`,
    `[DEFAULT]\nsecret_one = ${canary}\nhost = $secret_one\n`,
  ];
  for (const [index, text] of texts.entries()) {
    it(`are in no problem text (${index + 1})`, () => {
      const { problems } = load({
        texts: [text],
        environment: { OS_NOTIFICATION__MESSAGING_URLS: `$${canary}` },
      });
      assert.ok(problems.length > 0);
      assert.doesNotMatch(formatProblems(problems), /hunter2/);
      assert.doesNotMatch(JSON.stringify(problems), /hunter2/);
    });
  }

  it('are masked where the configuration is shown', () => {
    const environment = { OS_NOTIFICATION__MESSAGING_URLS: `${canary},b` };
    const config = loaded({
      texts: [`[DEFAULT]\ntransport_url = ${canary}\nhost = http://u:${canary}@h`],
      environment,
    });
    assert.equal(config.get(TRANSPORT_URL)?.reveal(), canary);
    assert.deepEqual(
      config.get(URLS).map((url) => url.reveal()),
      [canary, 'b'],
    );
    assert.doesNotMatch(JSON.stringify(showConfig(config, OPTIONS)), /hunter2/);
    assert.doesNotMatch(JSON.stringify(config), /hunter2/);
  });
});

describe('the effective configuration', () => {
  it('is listed with origins, DEFAULT first', () => {
    const config = loaded({ environment: { OS_API__PORT: '80' } });
    assert.deepEqual(showConfig(config, [PORT, TRANSPORT_URL, WORKERS, TOPICS]), [
      { group: 'DEFAULT', name: 'transport_url', value: '<not set>', origin: 'default' },
      { group: 'api', name: 'port', value: '80', origin: 'environment OS_API__PORT' },
      { group: 'api', name: 'workers', value: '1', origin: 'default', unit: 'processes' },
      { group: 'oslo_messaging_notifications', name: 'topics', value: 'notifications', origin: 'default' },
    ]);
  });
});

describe('any file', () => {
  it('gives a configuration or an error, and never throws', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .array(
          fc.constantFrom(
            '[api]',
            '[DEFAULT]',
            '\n',
            'host',
            '=',
            '$host',
            '$',
            '{',
            '}',
            ' ',
            'port = 1',
            '#',
            '"',
            '\\$',
          ),
        )
        .map((all) => Buffer.from(all.join(''))),
    );
    fc.assert(
      fc.property(bytes, (content) => {
        const { config, problems } = load({ files: [write('any.conf', content)] });
        assert.equal(
          config === null,
          problems.some(({ severity }) => severity === 'error'),
        );
        formatProblems(problems);
      }),
      { numRuns: 500 },
    );
  });
});
