import { createApiServer } from '../../src/api/server.ts';
import { createDeadline } from '../../src/component/component.ts';
import type { Config, Option, OptionType, OptionValues } from '../../src/config/option.ts';
import type { Intake } from '../../src/notification/intake.ts';
import { silentLogger } from '../../src/observe/logger.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { Taps } from '../../src/observe/taps.ts';
import type { Store } from '../../src/store/store.ts';

/** An API on a free port of this machine, for the length of an `await using`. */
export interface RunningApi extends AsyncDisposable {
  readonly address: string;
  readonly metrics: Metrics;
}

/** Values of options of the group `api`, by name; the others have their defaults. */
export type ApiSettings = Readonly<Record<string, string | number>>;

const acceptAll: Intake = { take: async (messages) => messages.map(() => 'accepted') };

/** A configuration in which only the given options are set. */
export function apiConfig(settings: ApiSettings): Pick<Config, 'get'> {
  return {
    get: <Type extends OptionType, Default extends OptionValues[Type] | null>(
      option: Option<Type, Default>,
    ) =>
      (settings[option.name] ?? option.default) as Default extends null
        ? OptionValues[Type] | null
        : OptionValues[Type],
  };
}

/** Starts an API over `store`. */
export async function runApi(
  store: Store,
  parts: { readonly intake?: Intake; readonly settings?: ApiSettings } = {},
): Promise<RunningApi> {
  const metrics = new Metrics();
  const api = createApiServer({
    config: apiConfig({ port: 0, ...parts.settings }),
    store,
    intake: parts.intake ?? acceptAll,
    metrics,
    taps: new Taps(metrics),
    statuses: () => [
      { name: store.name, status: store.status() },
      { name: api.name, status: api.status() },
    ],
    logger: silentLogger,
  });
  await api.start(AbortSignal.timeout(5_000));
  return {
    address: api.address(),
    metrics,
    [Symbol.asyncDispose]: () => api.stop(createDeadline(2_000)),
  };
}
