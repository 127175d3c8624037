import { Type } from '@sinclair/typebox';
import { type ApiRoute, defineRoute } from './route.ts';

const FLAGS = Type.Record(Type.String(), Type.Boolean());

/** What can be asked, under the names of the original. Complex queries come with `/v2/query/samples`. */
const API_CAPABILITIES = {
  'meters:query:simple': true,
  'meters:query:metadata': true,
  'resources:query:simple': true,
  'resources:query:metadata': true,
  'samples:query:simple': true,
  'samples:query:metadata': true,
  'samples:query:complex': false,
  'statistics:groupby': true,
  'statistics:query:simple': true,
  'statistics:query:metadata': true,
  'statistics:aggregation:standard': true,
  'statistics:aggregation:selectable:max': true,
  'statistics:aggregation:selectable:min': true,
  'statistics:aggregation:selectable:sum': true,
  'statistics:aggregation:selectable:avg': true,
  'statistics:aggregation:selectable:count': true,
  'statistics:aggregation:selectable:stddev': true,
  'statistics:aggregation:selectable:cardinality': true,
  'events:query:simple': true,
};

const showCapabilities = defineRoute({
  method: 'GET',
  path: '/v2/capabilities',
  tag: 'service',
  summary: 'What this server can be asked.',
  answer: Type.Object({ api: FLAGS, storage: FLAGS, event_storage: FLAGS }),
  handle: () => ({
    body: {
      api: API_CAPABILITIES,
      storage: { 'storage:production_ready': true },
      event_storage: { 'storage:production_ready': true },
    },
  }),
});

/** `/v2/capabilities`. */
export const CAPABILITY_ROUTES: readonly ApiRoute[] = [showCapabilities];
