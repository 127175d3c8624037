import type { Sample } from '../model/sample.ts';
import { createHttpPublisher, createHttpTarget, type HttpTarget, OVER_HTTP_OR_TLS } from './http-target.ts';
import { eachLimited, type Unit, UnitsAttempt } from './http-units.ts';
import { groupBySeries, latestPoint, prometheusType, type Series } from './prometheus-series.ts';
import type { Publisher, PublisherDefinition } from './publisher.ts';

/**
 * `prometheus://`: a Pushgateway (reference: samples-and-events.md section 5). It keeps one value per series until the
 * next push and knows no time of measurement, so of several samples of a series only the latest goes out.
 *
 * Where the path names nothing but the job, each resource is a group of its own. With grouping labels in the path there
 * is one push for all, and then a push of a meter replaces the series that the meter had before, of other resources
 * too: that is what a group means to a Pushgateway. Repairs over the original: label values are escaped, ids that are
 * null leave their label out, ids with `/` and the like go into the path in base64, the path of a resource stands
 * before the query, and what is refused because of one meter does not lose the others.
 */
export const PROMETHEUS_PUBLISHER: PublisherDefinition = {
  schemes: ['prometheus'],
  summary:
    'Pushes the latest value of each series to a Prometheus Pushgateway, one group per resource unless the path has labels.',
  form: 'prometheus://[USER:PASSWORD@]HOST[:PORT]/metrics/job/JOB[/LABEL/VALUE…]',
  examples: [
    'prometheus://gateway.example.org:9091/metrics/job/openstack',
    'prometheus://gateway:9091/metrics/job/openstack/cloud/east?ssl=1',
  ],
  ...OVER_HTTP_OR_TLS,
  samples: (url, context) => {
    const target = createHttpTarget(url, context, { usualPath: '/metrics/job/NAME' });
    return createHttpPublisher(target, context.name, pushTo(target));
  },
};

const HEADERS = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' };

/** All series of one name: what a push replaces, and so what is pushed together. */
interface Family extends Unit {
  readonly text: string;
}

function pushTo(target: HttpTarget): Publisher<Sample>['publish'] {
  const path = target.path.replace(/\/+$/, '');
  const groupOf = hasOnlyJob(path) ? resourceOf : () => '';
  return async (samples, signal) => {
    const attempt = new UnitsAttempt(target.workUntil(), target.shown);
    const groups = Map.groupBy(groupBySeries(samples), (series) => path + groupOf(series));
    await eachLimited([...groups], target.connections, ([groupPath, series]) =>
      attempt.send(familiesOf(series), (families) => {
        const body = families.map(({ text }) => text).join('');
        return target.post({ headers: HEADERS, body, path: groupPath + target.query }, signal);
      }),
    );
    return attempt.result(samples.length);
  };
}

/** `…/metrics/job/NAME` and nothing behind it. */
function hasOnlyJob(path: string): boolean {
  return /\/metrics\/job(?:@base64)?\/[^/]+$/.test(path);
}

/** The part of the path that makes a group of a resource; empty for what has no id. */
function resourceOf({ labels }: Series): string {
  const id = labels.find(([name]) => name === 'resource_id')?.[1];
  if (id === undefined) return '';
  // Only what no server in between could take for something else in a path; the gateway decodes escapes too early.
  if (/^[\w-]+(?:\.[\w-]+)*$/.test(id)) return `/resource_id/${id}`;
  return `/resource_id@base64/${Buffer.from(id).toString('base64url')}`;
}

function familiesOf(series: readonly Series[]): readonly Family[] {
  return [...Map.groupBy(series, ({ name }) => name)].map(([name, members]) => ({
    indexes: members.flatMap(({ points }) => points.map(({ index }) => index)),
    text: familyText(name, members),
  }));
}

/** Meters of several types under one name have no type: the gateway would refuse them. */
function familyText(name: string, members: readonly Series[]): string {
  const latest = members.map((series) => ({ ...series, sample: latestPoint(series).sample }));
  const types = new Set(latest.map(({ sample }) => prometheusType(sample)));
  const [type = null] = types.size === 1 ? types : [];
  const lines = latest.map(({ labelText, sample }) => `${name}${labelText} ${sample.volume}\n`);
  return (type === null ? '' : `# TYPE ${name} ${type}\n`) + lines.join('');
}
