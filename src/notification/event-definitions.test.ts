import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  message,
  notification,
  notificationWithPayload,
  yaml,
} from '../../test/notification/notifications.ts';
import type { Event } from '../model/event.ts';
import type { JsonObject } from '../model/json.ts';
import { ConversionReport } from './conversion-report.ts';
import { type DecodedNotification, NotificationError } from './envelope.ts';
import { type EventDefinitionOptions, loadEventDefinitions } from './event-definitions.ts';

const defaults: EventDefinitionOptions = { dropUnmatched: false, storeRaw: [] };

/** The event that definitions, which must be right, make of a notification, and what was reported. */
function convert(
  definitions: string,
  decoded: DecodedNotification,
  options: Partial<EventDefinitionOptions> = {},
): { readonly event: Event | null; readonly problems: readonly string[] } {
  const loaded = loadEventDefinitions(yaml(definitions), { ...defaults, ...options });
  assert.deepEqual(
    loaded.problems.filter(({ severity }) => severity === 'error'),
    [],
  );
  assert.ok(loaded.definitions !== null);
  const report = new ConversionReport();
  const event = loaded.definitions.toEvent(decoded, report);
  return { event, problems: report.problems.map(({ code, message: text }) => `${code} ${text}`) };
}

/** The traits that are in the definition, without the default ones. */
function traitsOf(definitions: string, decoded: DecodedNotification): JsonObject {
  const { event, problems } = convert(definitions, decoded);
  assert.deepEqual(problems, []);
  const own = (event?.traits ?? []).filter(([name]) => name !== 'service');
  return Object.fromEntries(own.map(([name, type, value]) => [name, [type, value]]));
}

/** All mistakes of a file, as `code line:column message`. */
function mistakes(definitions: string): readonly string[] {
  const { problems } = loadEventDefinitions(yaml(definitions), defaults);
  return problems.map(({ severity, code, message: text, position }) => {
    const mark = severity === 'warning' ? ' warning' : '';
    return `${code}${mark} ${position?.line}:${position?.column} ${text}`;
  });
}

describe('the event of a notification', () => {
  test('carries its identity, its time and its traits', () => {
    const definitions = `
- event_type: compute.instance.*
  traits:
    state: {fields: payload.state}
    memory_mb: {type: int, fields: payload.memory_mb}
`;
    const decoded = notification({ payload: { state: 'active', memory_mb: 512 } });
    assert.deepEqual(convert(definitions, decoded), {
      event: {
        messageId: 'm-1',
        eventType: 'compute.instance.create.end',
        generated: '2026-01-02T03:04:05.000006',
        generatedMicros: decoded.timestampMicros,
        priority: 'info',
        deployment: null,
        traits: [
          ['service', 1, 'compute.host-1'],
          ['state', 1, 'active'],
          ['memory_mb', 2, 512],
        ],
        raw: null,
      },
      problems: [],
    });
  });

  test('is generated in UTC, whatever zone the sender wrote', () => {
    const decoded = notification({ timestamp: '2026-01-02T05:04:05+02:00' });
    assert.equal(convert('[]', decoded).event?.generated, '2026-01-02T03:04:05');
  });

  test('has the default traits first, from the payload and then from the context', () => {
    const context = {
      _context_request_id: 'req-1',
      _context_project_id: 'p-ctxt',
      _context_user_id: 'u-ctxt',
    };
    assert.deepEqual(convert('[]', notification(context)).event?.traits, [
      ['service', 1, 'compute.host-1'],
      ['request_id', 1, 'req-1'],
      ['project_id', 1, 'p-ctxt'],
      ['user_id', 1, 'u-ctxt'],
      ['tenant_id', 1, 'p-ctxt'],
    ]);
    const payload = { tenant_id: 'p-payload', user_id: 'u-payload' };
    assert.deepEqual(convert('[]', notification({ ...context, payload })).event?.traits.slice(2), [
      ['project_id', 1, 'p-payload'],
      ['user_id', 1, 'u-payload'],
      ['tenant_id', 1, 'p-payload'],
    ]);
  });

  test('has the definition of a default trait in its place, when it defines one', () => {
    const definitions = `
- event_type: "*"
  traits: {name: payload.name, service: payload.service}
`;
    const { event } = convert(definitions, notification({ payload: { name: 'n', service: 's' } }));
    assert.deepEqual(event?.traits, [
      ['service', 1, 's'],
      ['name', 1, 'n'],
    ]);
  });

  test('keeps the whole notification for the priorities that want it, without secrets and with exact numbers', () => {
    const decoded = notificationWithPayload('{"a":2.0,"spec":{"auth_token":"gAAAA","b":1}}', {
      priority: 'ERROR',
      _context_user_id: 'u-1',
      _context_auth_token: 'gAAAA',
    });
    const { event } = convert('[]', decoded, { storeRaw: ['error'] });
    const exact = decoded.exact().payload as JsonObject;
    assert.deepEqual(event?.raw, {
      ctxt: { user_id: 'u-1' },
      publisher_id: 'compute.host-1',
      event_type: 'compute.instance.create.end',
      payload: { a: exact.a, spec: { b: 1 } },
      metadata: { message_id: 'm-1', timestamp: '2026-01-02 03:04:05.000006' },
    });
    assert.equal(convert('[]', decoded, { storeRaw: ['info'] }).event?.raw, null);
  });

  test('cannot be kept raw with a number beyond the range of floats', () => {
    const decoded = notificationWithPayload('{"a":1e400}');
    assert.throws(
      () => convert('[]', decoded, { storeRaw: ['info'] }),
      (error) => error instanceof NotificationError && error.code === 'E5009' && error.messageId === 'm-1',
    );
  });
});

describe('the definition of an event type', () => {
  const three = `
- event_type: compute.*
  traits: {which: payload.first}
- event_type: compute.instance.*
  traits: {which: payload.second}
- event_type: [volume.*, "!volume.usage"]
  traits: {which: payload.third}
`;
  const payload = { first: '1st', second: '2nd', third: '3rd' };
  const which = (event_type: string) => {
    const { event } = convert(three, notification({ event_type, payload }));
    return event?.traits.find(([name]) => name === 'which')?.[2];
  };

  test('is the last one in the file that matches, and nothing of the others', () => {
    assert.equal(which('compute.instance.create.end'), '2nd');
    assert.equal(which('compute.metrics.update'), '1st');
  });

  test('may exclude types', () => {
    assert.equal(which('volume.create.end'), '3rd');
    assert.equal(which('volume.usage'), undefined);
  });

  test('is taken with exclusions only for everything else', () => {
    const definitions = '[{event_type: ["!image.*"], traits: {which: payload.first}}]';
    const traits = (event_type: string) =>
      convert(definitions, notification({ event_type, payload })).event?.traits.length;
    assert.equal(traits('compute.instance.create.end'), 2);
    assert.equal(traits('image.update'), 1);
  });

  test('is case-sensitive and matches the whole type', () => {
    assert.equal(which('Compute.instance.create.end'), undefined);
    assert.equal(which('xcompute.instance.create.end'), undefined);
  });

  test('is the default traits alone when there is none, or no event if unmatched ones are dropped', () => {
    const decoded = notification({ event_type: 'identity.user.created' });
    assert.deepEqual(convert(three, decoded).event?.traits, [['service', 1, 'compute.host-1']]);
    assert.equal(convert(three, decoded, { dropUnmatched: true }).event, null);
    assert.notEqual(convert(three, notification(), { dropUnmatched: true }).event, null);
  });
});

describe('a trait', () => {
  test('has each of the types, written in any case', () => {
    const definitions = `
- event_type: "*"
  traits:
    a: {type: text, fields: payload.v}
    b: {type: INT, fields: payload.v}
    c: {type: float, fields: payload.v}
    d: {type: Datetime, fields: payload.t}
    e: {type: none, fields: payload.v}
    f: payload.v
`;
    assert.deepEqual(
      traitsOf(definitions, notification({ payload: { v: '12', t: '2026-01-02T03:04:05Z' } })),
      {
        a: [1, '12'],
        b: [2, 12],
        c: [3, 12],
        d: [4, '2026-01-02T03:04:05'],
        e: [0, '12'],
        f: [1, '12'],
      },
    );
  });

  test('is left out for null, for nothing found, and for an empty text that should be something else', () => {
    const definitions = `
- event_type: "*"
  traits:
    text: payload.empty
    null: payload.null
    missing: payload.missing.deep
    int: {type: int, fields: payload.empty}
    date: {type: datetime, fields: payload.empty}
    none: {type: none, fields: payload.empty}
`;
    assert.deepEqual(traitsOf(definitions, notification({ payload: { empty: '', null: null } })), {
      text: [1, ''],
    });
  });

  test('takes zero and false for values', () => {
    const definitions = '[{event_type: "*", traits: {zero: payload.zero, off_: payload.off}}]';
    assert.deepEqual(traitsOf(definitions, notification({ payload: { zero: 0, off: false } })), {
      zero: [1, '0'],
      off_: [1, 'False'],
    });
  });

  test('takes the first of several paths that finds something', () => {
    const definitions = '[{event_type: "*", traits: {id: {fields: [payload.a, payload.b, ctxt.c]}}}]';
    assert.deepEqual(traitsOf(definitions, notification({ payload: { a: null, b: 'b' }, _context_c: 'c' })), {
      id: [1, 'b'],
    });
    assert.deepEqual(traitsOf(definitions, notification({ _context_c: 'c' })), { id: [1, 'c'] });
  });

  test('finds the context and the metadata under their new and their old names', () => {
    const definitions = `
- event_type: "*"
  traits:
    new: ctxt.user_id
    old: _context_user_id
    dollar: $.ctxt.user_id
    quoted: $['ctxt']['user_id']
    deep: ctxt.roles[0]
    id: metadata.message_id
    old_id: message_id
    when: {type: datetime, fields: metadata.timestamp}
    both: (ctxt.nothing)|(ctxt.user_id)
    priority: priority
`;
    const decoded = notification({ _context_user_id: 'u-1', _context_roles: ['member'] });
    assert.deepEqual(traitsOf(definitions, decoded), {
      user_id: [1, 'u-1'],
      new: [1, 'u-1'],
      old: [1, 'u-1'],
      dollar: [1, 'u-1'],
      quoted: [1, 'u-1'],
      deep: [1, 'member'],
      id: [1, 'm-1'],
      old_id: [1, 'm-1'],
      when: [4, '2026-01-02T03:04:05.000006'],
      both: [1, 'u-1'],
      priority: [1, 'INFO'],
    });
  });

  test('never finds the secrets of a context', () => {
    const definitions =
      '[{event_type: "*", traits: {a: ctxt.auth_token, b: _context_auth_token, c: "ctxt.*"}}]';
    const decoded = notification({ _context_auth_token: 'gAAAA', _context_service_catalog: [1] });
    assert.deepEqual(traitsOf(definitions, decoded), {});
  });

  test('shows a number as it was written', () => {
    const definitions = `
- event_type: "*"
  traits: {a: payload.a, b: payload.b, c: {type: int, fields: payload.b}, d: payload.d}
`;
    const decoded = notificationWithPayload('{"a":1.0,"b":9007199254740993,"d":{"x":2.0}}');
    assert.deepEqual(traitsOf(definitions, decoded), {
      a: [1, '1.0'],
      b: [1, '9007199254740993'],
      c: [2, 9007199254740993n],
      d: [1, "{'x': 2.0}"],
    });
  });

  test('may be made by a plugin, from values with the places where they were found', () => {
    const definitions = `
- event_type: "*"
  traits:
    host: {fields: publisher_id, plugin: {name: split, parameters: {segment: 1, max_split: 1}}}
    flags:
      type: int
      fields: [payload.a, ctxt.b]
      plugin:
        name: bitfield
        parameters: {flags: [{path: payload.a, bit: 0}, {path: ctxt.b, bit: 3}]}
    seconds: {type: float, fields: [payload.start, payload.end], plugin: timedelta}
    state: {fields: payload.state, plugin: {name: map, parameters: {values: {1: running}, default: unknown}}}
    nothing: {fields: payload.state, plugin: {name: map, parameters: {values: {5: five}}}}
`;
    const payload = { a: 1, state: 1, start: '2026-01-02T03:04:05', end: '2026-01-02T03:04:06.5' };
    assert.deepEqual(traitsOf(definitions, notification({ payload, _context_b: 'x' })), {
      host: [1, 'host-1'],
      flags: [2, 9],
      seconds: [3, 1.5],
      state: [1, 'running'],
    });
  });

  test('that cannot be made is left out and reported; the event and the other traits are kept', () => {
    const definitions = `
- event_type: "*"
  traits:
    size: {type: int, fields: payload.size}
    when: {type: datetime, fields: payload.when}
    load: {type: float, fields: payload.load}
    first: payload.map[0]
    name: payload.name
`;
    const decoded = notificationWithPayload(
      '{"size":"big","when":"soon","load":1e400,"map":{"a":1},"name":"n"}',
    );
    const { event, problems } = convert(definitions, decoded);
    assert.deepEqual(event?.traits.slice(1), [['name', 1, 'n']]);
    assert.deepEqual(
      problems.map((text) => text.replace(/first is left out: .*/, 'first is left out: …')),
      [
        'E5013 trait size is left out: "big" is no integer',
        'E5013 trait when is left out: "soon" is no date and time',
        'E5009 trait load is left out: the number is out of range',
        'E5013 trait first is left out: …',
      ],
    );
  });

  test('can be called __proto__ in the payload without doing harm', () => {
    const definitions = `[{event_type: "*", traits: {a: payload.__proto__.polluted, b: payload.constructor.name}}]`;
    const decoded = notificationWithPayload('{"__proto__":{"polluted":"yes"}}');
    assert.deepEqual(traitsOf(definitions, decoded), { a: [1, 'yes'] });
    assert.deepEqual(traitsOf(definitions, notificationWithPayload('{}')), {});
  });
});

describe('mistakes in event definitions', () => {
  test('are all reported in one run, each at its place, and what is right is loaded', () => {
    const definitions = `- event_type: good.*
  traits: {name: payload.name}
- traits: {}
- event_type: bad.*
- event_type: bad.*
  traits:
    a: {type: string, fields: payload.a}
    b: {type: int}
    c: {fields: payload.0}
    d: {fields: payload.d, plugin: {parameters: {}}}
    e: {fields: payload.e, plugin: splitt}
    f: {fields: payload.f, plugin: {name: map}}
    g: [payload.g, "payload..'"]
    h:
    i: {fields: [payload.i, 5]}
    j: {fields: payload.j, plugin: bitfield, tpye: int}
- just text
- event_type: {a: b}
  traits: [a]
`;
    assert.deepEqual(
      mistakes(definitions).map((text) => text.replace(/ is wrong: .*/, ' is wrong: …')),
      [
        'E1202 3:3 required field "event_type" is missing',
        'E1202 4:3 required field "traits" is missing',
        'E1203 7:15 invalid trait type "string" for trait a',
        'E1204 8:8 the field "fields" is required for trait b',
        'E1207 9:25 the path "payload.0" for trait c is wrong: …',
        'E1205 10:36 no plugin name is given for trait d',
        'E1206 11:36 there is no plugin "splitt", which trait e names',
        'E1208 12:36 bad parameters of map for trait f: values must be a mapping that is not empty',
        'E1207 13:30 the path "payload..\'" for trait g is wrong: …',
        'E1219 14:5 null is no path for trait h',
        'E1219 15:29 5 is no path for trait i',
        'E1210 warning 16:46 the key "tpye" has no effect here',
        'E1201 17:3 "just text" is no event definition',
        'E1214 18:15 {"a":"b"} is no event type',
        'E1219 19:11 traits is ["a"], not a mapping',
      ],
    );
    const { definitions: loaded } = loadEventDefinitions(yaml(definitions), defaults);
    const event = loaded?.toEvent(
      notification({ event_type: 'good.x', payload: { name: 'n' } }),
      new ConversionReport(),
    );
    assert.deepEqual(event?.traits[1], ['name', 1, 'n']);
  });

  test('in what aliases refer to are reported once', () => {
    const definitions = `- event_type: a.*
  traits: &shared
    x: {type: string, fields: payload.x}
- event_type: b.*
  traits:
    <<: *shared
    y: payload.y
`;
    assert.deepEqual(mistakes(definitions), ['E1203 3:15 invalid trait type "string" for trait x']);
  });

  test('name what was meant', () => {
    const definitions = (type: string) =>
      `[{event_type: "*", traits: {a: {type: ${type}, fields: payload.a}}}]`;
    const hint = (type: string) => loadEventDefinitions(yaml(definitions(type)), defaults).problems[0]?.hint;
    assert.match(hint('string') ?? '', /^Did you mean text\?/);
    assert.match(hint('Integer') ?? '', /^Did you mean int\?/);
    assert.match(hint('timestamp') ?? '', /^Did you mean datetime\?/);
    assert.match(hint('flaot') ?? '', /^Did you mean float\?/);
    assert.equal(hint('xyzzy'), 'Use text, int, float or datetime.');
  });

  test('say that a plugin is deprecated', () => {
    const definitions = '[{event_type: "*", traits: {a: {fields: payload.a, plugin: split}}}]';
    assert.deepEqual(mistakes(definitions), ['E1209 warning 1:60 the plugin split of trait a is deprecated']);
  });

  test('say that an empty list of types matches nothing', () => {
    assert.deepEqual(mistakes('[{event_type: [], traits: {}}]'), [
      'E1214 warning 1:15 the list is empty: this definition matches nothing',
    ]);
  });

  test('leave nothing to use when the file is no list', () => {
    for (const [text, shown] of [
      ['a: 1', '{"a":1}'],
      ['', 'null'],
    ] as const) {
      const { definitions, problems } = loadEventDefinitions(yaml(text), defaults);
      assert.equal(definitions, null);
      assert.deepEqual(
        problems.map((one) => `${one.code} ${one.message}`),
        [`E1201 the file holds ${shown}, not a list`],
      );
    }
  });
});

test('event types that senders invent do not fill the memory', () => {
  const { definitions } = loadEventDefinitions(yaml('[]'), defaults);
  const report = new ConversionReport();
  for (let index = 0; index < 10_000; index += 1) {
    const event = definitions?.toEvent(notification({ event_type: `type.${index}` }), report);
    assert.equal(event?.eventType, `type.${index}`);
  }
  const long = 'x'.repeat(10_000);
  assert.equal(definitions?.toEvent(notification({ event_type: long }), report)?.eventType, long);
});

test('the message itself is not changed by a conversion', () => {
  const decoded = notification({ payload: { a: { b: 1 } }, _context_user_id: 'u' });
  const before = structuredClone(decoded.message);
  convert('[{event_type: "*", traits: {a: payload.a, u: "(ctxt.user_id)|(ctxt.user)"}}]', decoded);
  assert.deepEqual(decoded.message, before);
  assert.equal(decoded.message.event_type, message.event_type);
});
