import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openApiDocument } from '../src/api/openapi.ts';
import { OPTIONS } from '../src/app/options.ts';
import { ERROR_CODES } from '../src/component/error-codes.ts';
import { createHostView } from '../src/polling/host-view.ts';
import { createPollsters } from '../src/polling/pollsters/registry.ts';
import { DELIVERY_PARAMETERS } from '../src/publishers/delivery-settings.ts';
import { PUBLISHERS } from '../src/publishers/registry.ts';
import { readShippedYaml } from './generate-definitions.ts';
import { errorsPage } from './generate-errors.ts';
import { eventsPage } from './generate-events.ts';
import { metersPage } from './generate-meters.ts';
import { type DescribedMetric, metricsPage } from './generate-metrics.ts';
import { optionsPage } from './generate-options.ts';
import { publishersPage } from './generate-publishers.ts';
import { sampleConfig } from './generate-sample-config.ts';

/** Every generated file: its path below `root` and its text. Writes nothing; deterministic. */
export async function generateAll(root: string): Promise<ReadonlyMap<string, string>> {
  const metrics = await describeMetrics(root);
  const shipped = (file: string) => readShippedYaml(root, file);
  const meterFiles = globSync('etc/meters.d/*.yaml', { cwd: root })
    .toSorted()
    .map((file) => join(root, file));
  return new Map([
    ['docs/reference/options.md', optionsPage(OPTIONS)],
    ['docs/reference/errors.md', errorsPage(ERROR_CODES)],
    ['docs/reference/events.md', eventsPage(shipped(join(root, 'etc/event_definitions.yaml')))],
    [
      'docs/reference/meters.md',
      metersPage(meterFiles.map(shipped), createPollsters({ view: createHostView() })),
    ],
    ['docs/reference/publishers.md', publishersPage(PUBLISHERS, DELIVERY_PARAMETERS)],
    ['docs/reference/openapi.json', `${JSON.stringify(openApiDocument(), null, 2)}\n`],
    ['etc/nephoscope.conf.sample', sampleConfig(OPTIONS)],
    ...(metrics === null ? [] : ([['docs/reference/metrics.md', metricsPage(metrics)]] as const)),
  ]);
}

/** The catalogue of metrics is made by the composition root; there is no page before there is one. */
async function describeMetrics(root: string): Promise<readonly DescribedMetric[] | null> {
  const file = join(root, 'src/app/metrics-catalog.ts');
  if (!existsSync(file)) return null;
  const catalog = (await import(pathToFileURL(file).href)) as {
    describeMetrics(): readonly DescribedMetric[];
  };
  return catalog.describeMetrics();
}
