import type { Event } from '../model/event.ts';
import { type Notification, PRIORITIES, type Priority } from '../model/notification.ts';
import type { Sample } from '../model/sample.ts';
import { BUILT_IN_CONVERTERS } from './built-in-converters.ts';
import { type ConversionProblem, ConversionReport } from './conversion-report.ts';
import type { EventDefinitions } from './event-definitions.ts';
import type { MeterDefinitions } from './meter-definitions.ts';
import { NotificationError } from './notification-error.ts';
import { carriesSamples } from './polled-samples.ts';
import { type DroppedSample, SampleCollector } from './sample-builder.ts';
import { SampleMetadata } from './sample-metadata.ts';
import { createTypeIndex } from './type-index.ts';

/** Everything that one notification gives. */
export interface Conversion {
  readonly events: readonly Event[];
  readonly samples: readonly Sample[];
  /** Samples that were defined but cannot be made, with the reason. */
  readonly dropped: readonly DroppedSample[];
  /** Values that were left out of what was made. */
  readonly problems: readonly ConversionProblem[];
}

export interface ConverterOptions {
  /** Null: no events. */
  readonly events: EventDefinitions | null;
  /** Null: no samples from definitions; the built-in ones stay. */
  readonly meters: MeterDefinitions | null;
  /** Priorities of which events are made; all unless given. */
  readonly eventPriorities?: readonly Priority[];
  /** Priorities of which samples are made; info and sample unless given. */
  readonly samplePriorities?: readonly Priority[];
  /** Source of the samples: option `sample_source`, `openstack` unless given. */
  readonly sampleSource?: string;
}

export interface Converter {
  /** Which kinds of records notifications of an event type can give, whatever their priority. Pure. */
  kindsOf(eventType: string): { readonly events: boolean; readonly samples: boolean };
  /**
   * Converts one notification. Pure: the same notification always gives the same, ids included. A value that cannot
   * be converted is left out and reported, everything else is kept. Throws `NotificationError`, and nothing else,
   * when what is to be stored cannot be: E5009 a number out of range, E5012 nesting too deep for the stack.
   */
  convert(notification: Notification): Conversion;
}

/** Makes a converter of loaded definitions. Safe for concurrent use. */
export function createConverter(options: ConverterOptions): Converter {
  const eventPriorities = new Set(options.eventPriorities ?? PRIORITIES);
  const samplePriorities = new Set(options.samplePriorities ?? (['info', 'sample'] as const));
  const convertEvents = createEventStep(options.events);
  const convertSamples = createSampleStep(options);
  const { events, meters } = options;
  return {
    kindsOf: (eventType) => ({
      events: !carriesSamples(eventType) && events?.matches(eventType) === true,
      samples:
        meters?.matches(eventType) === true || BUILT_IN_CONVERTERS.some(({ matches }) => matches(eventType)),
    }),
    convert: (notification) => {
      const report = new ConversionReport();
      const { priority } = notification;
      try {
        const events = eventPriorities.has(priority) ? convertEvents(notification, report) : noEvents;
        const made = samplePriorities.has(priority) ? convertSamples(notification, report) : noSamples;
        return { events, samples: made.samples, dropped: made.dropped, problems: report.problems };
      } catch (error) {
        throw poisonOf(notification, error);
      }
    },
  };
}

type Made = Pick<Conversion, 'samples' | 'dropped'>;

const noEvents: readonly Event[] = Object.freeze([]);
const noSamples: Made = Object.freeze({ samples: Object.freeze([]), dropped: Object.freeze([]) });

function createEventStep(
  definitions: EventDefinitions | null,
): (notification: Notification, report: ConversionReport) => readonly Event[] {
  if (definitions === null) return () => noEvents;
  return (notification, report) => {
    if (carriesSamples(notification.eventType)) return noEvents;
    const event = definitions.toEvent(notification, report);
    return event === null ? noEvents : [event];
  };
}

function createSampleStep(
  options: ConverterOptions,
): (notification: Notification, report: ConversionReport) => Made {
  const source = options.sampleSource ?? 'openstack';
  const { meters } = options;
  const stepOf = createTypeIndex((eventType) => ({
    builtIn: BUILT_IN_CONVERTERS.filter((converter) => converter.matches(eventType)),
    isMetered: meters?.matches(eventType) ?? false,
  }));
  return (notification, report) => {
    const { builtIn, isMetered } = stepOf(notification.eventType);
    if (builtIn.length === 0 && !isMetered) return noSamples;
    const collector = new SampleCollector(notification);
    const metadata = new SampleMetadata(notification, report);
    const context = { notification, metadata, collector, report, source };
    for (const converter of builtIn) converter.addSamples(context);
    meters?.addSamples(context);
    return collector;
  };
}

/** A document that is nested too deeply for the stack is poison, not a failure of the program. */
function poisonOf(notification: Notification, error: unknown): unknown {
  if (!(error instanceof RangeError)) return error;
  return new NotificationError('E5012', 'the notification is nested too deeply', notification, {
    cause: error,
  });
}
