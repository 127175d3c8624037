import type { Sample } from '../model/sample.ts';

/** Numbers of `AggregationTemporality`; enumerations are numbers in OTLP's JSON. */
const TEMPORALITY = { delta: 1, cumulative: 2 } as const;

/**
 * The JSON text of an `ExportMetricsServiceRequest` with a batch of samples, one data point each, in the mapping that OTLP
 * prescribes: names in camelCase, 64-bit integers as texts. Pure.
 *
 * A gauge is a gauge; a cumulative meter a monotonic sum since an unknown start, which is what leaving the start time out
 * means; a delta a sum of temporality delta that is not monotonic, because a transformer may make negative ones. Names
 * have `_` for `.`, as the original's have.
 */
export function exportRequest(samples: readonly Sample[]): string {
  const metrics = Map.groupBy(samples, ({ name, type, unit }) => `${type}\0${unit ?? ''}\0${name}`);
  const texts = [...metrics.values()].map(metricText);
  const scope = `{"scope":{"name":"nephoscope"},"metrics":[${texts.join(',')}]}`;
  const resource = `{"attributes":[${attributeText('service.name', 'nephoscope')}]}`;
  return `{"resourceMetrics":[{"resource":${resource},"scopeMetrics":[${scope}]}]}`;
}

function metricText(samples: readonly Sample[]): string {
  const { name, type, unit } = samples[0] as Sample;
  const points = `"dataPoints":[${samples.map(pointText).join(',')}]`;
  const data =
    type === 'gauge'
      ? `"gauge":{${points}}`
      : `"sum":{"aggregationTemporality":${TEMPORALITY[type]},"isMonotonic":${type === 'cumulative'},${points}}`;
  const unitText = unit === null ? '' : `"unit":${JSON.stringify(unit)},`;
  const description = JSON.stringify(`Meter ${name}`);
  return `{"name":${JSON.stringify(name.replaceAll('.', '_'))},"description":${description},${unitText}${data}}`;
}

function pointText(sample: Sample): string {
  const attributes = [
    attributeText('resource_id', sample.resourceId),
    attributeText('user_id', sample.userId),
    attributeText('project_id', sample.projectId),
    attributeText('deployment', sample.deployment),
  ].filter((text) => text !== '');
  return `{"attributes":[${attributes.join(',')}],"timeUnixNano":"${nanosText(sample)}","asDouble":${sample.volume}}`;
}

function attributeText(key: string, value: string | null): string {
  return value === null ? '' : `{"key":"${key}","value":{"stringValue":${JSON.stringify(value)}}}`;
}

/** The field has no sign; what lies before 1970 becomes its beginning. */
function nanosText({ timestampMicros }: Sample): string {
  return timestampMicros > 0 ? `${timestampMicros}000` : '0';
}
