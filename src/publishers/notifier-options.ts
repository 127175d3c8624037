import { defineOption, type Option } from '../config/option.ts';

const GROUP = 'publisher_notifier';

/** Topic of samples, for publishers and for the collector. */
export const METERING_TOPIC = defineOption({
  group: GROUP,
  name: 'metering_topic',
  type: 'string',
  default: 'metering',
  doc: 'Topic that notifier:// sends samples to and the collector takes them from; the queue is <topic>.sample.',
  since: '0.2.0',
});

/** Topic of events, for publishers and for the collector. */
export const EVENT_TOPIC = defineOption({
  group: GROUP,
  name: 'event_topic',
  type: 'string',
  default: 'event',
  doc: 'Topic that notifier:// sends events to and the collector takes them from; the queue is <topic>.sample.',
  since: '0.2.0',
});

/** The form of the messages. */
export const TELEMETRY_DRIVER = defineOption({
  group: GROUP,
  name: 'telemetry_driver',
  type: 'string',
  default: 'messagingv2',
  choices: ['messagingv2', 'messaging'],
  doc: 'Form of the messages that notifier:// sends: messagingv2 puts an envelope around each, messaging does not.',
  since: '0.2.0',
  deprecatedNames: [{ group: GROUP, name: 'metering_driver' }],
});

/** The exchange of telemetry messages, for publishers and for the collector. */
export const CONTROL_EXCHANGE = defineOption({
  group: 'DEFAULT',
  name: 'control_exchange',
  type: 'string',
  default: 'ceilometer',
  doc: 'Exchange of telemetry messages on the broker.',
  since: '0.2.0',
});

/** All options of `notifier://`. */
export const NOTIFIER_OPTIONS = [
  METERING_TOPIC,
  EVENT_TOPIC,
  TELEMETRY_DRIVER,
  CONTROL_EXCHANGE,
] as const satisfies readonly Option[];
