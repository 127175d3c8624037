import type { CommandEntry } from './command.ts';

/** Every command of the program, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'serve',
    summary: 'run everything in one process: sources, pipeline, store, HTTP interface',
    load: async () => (await import('./serve.ts')).registerServe,
  },
  {
    name: 'query',
    summary: 'ask a server for meters, samples, statistics, resources, events or traits',
    load: async () => (await import('./query.ts')).registerQuery,
  },
  {
    name: 'convert',
    summary: 'show what definitions make of recorded notifications (dry run)',
    load: async () => (await import('./convert.ts')).registerConvert,
  },
  {
    name: 'replay',
    summary: 'send recorded notifications to a broker or a server',
    load: async () => (await import('./replay.ts')).registerReplay,
  },
  {
    name: 'send-sample',
    summary: 'send one sample through a server or over the bus, as ceilometer-send-sample does',
    load: async () => (await import('./send-sample.ts')).registerSendSample,
  },
  {
    name: 'parked',
    summary: 'list, show, replay or drop messages that could not be processed',
    load: async () => (await import('./parked.ts')).registerParked,
  },
  {
    name: 'tap',
    summary: 'watch what passes a stage of a running server, live',
    load: async () => (await import('./tap.ts')).registerTap,
  },
  {
    name: 'config',
    summary: 'check the configuration, or show each value with where it comes from',
    load: async () => (await import('./config.ts')).registerConfig,
  },
  {
    name: 'top',
    summary: 'show rates, lag, losses and errors of each stage of a running server',
    load: async () => (await import('./top.ts')).registerTop,
  },
  {
    name: 'doctor',
    summary: 'look for what is wrong: configuration, brokers, queues, store, limits; with reason and fix',
    load: async () => (await import('./doctor.ts')).registerDoctor,
  },
  {
    name: 'explain',
    summary: 'explain an error code, e.g. E1106',
    load: async () => (await import('./explain.ts')).registerExplain,
  },
  {
    name: 'completion',
    summary: 'print a completion script for bash, zsh or fish',
    load: async () => (await import('./completion.ts')).registerCompletion,
  },
];
