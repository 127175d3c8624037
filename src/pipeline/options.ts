import { defineOption } from '../config/option.ts';

export const PIPELINE_FILE = defineOption({
  group: 'DEFAULT',
  name: 'pipeline_cfg_file',
  type: 'string',
  default: 'pipeline.yaml',
  doc: 'Pipelines of samples: which meters go to which publishers. Without such a file everything goes to the store.',
  example: '/etc/ceilometer/pipeline.yaml',
  since: '0.1.0',
});

export const EVENT_PIPELINE_FILE = defineOption({
  group: 'DEFAULT',
  name: 'event_pipeline_cfg_file',
  type: 'string',
  default: 'event_pipeline.yaml',
  doc: 'Pipelines of events: which event types go to which publishers. Without such a file everything goes to the store.',
  example: '/etc/ceilometer/event_pipeline.yaml',
  since: '0.1.0',
});

export const PIPELINE_OPTIONS = [PIPELINE_FILE, EVENT_PIPELINE_FILE] as const;
