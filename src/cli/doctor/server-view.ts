import { isJsonObject, type JsonObject, type JsonValue } from '../../model/json.ts';
import { getFromServer } from '../server-request.ts';
import type { ServerView } from './finding.ts';

const TIMEOUT_MILLIS = 5_000;
/** More is not counted: it is bad enough. */
export const PARKED_LIMIT = 100;

/** What the server at `baseUrl` says about itself; null when none answers there. Never rejects. */
export async function viewServer(baseUrl: string): Promise<ServerView | null> {
  try {
    return await ask(baseUrl, AbortSignal.timeout(TIMEOUT_MILLIS));
  } catch {
    return null;
  }
}

async function ask(baseUrl: string, signal: AbortSignal): Promise<ServerView> {
  const ready = await getFromServer({ baseUrl, path: '/readyz', signal, accepts: [503] });
  const skew = clockSkew(ready.headers.get('date'), Date.now());
  const state: JsonValue = JSON.parse(await ready.text());
  const [metrics, parked] = await Promise.all([
    getFromServer({ baseUrl, path: '/metrics', signal }).then((response) => response.text()),
    countParked(baseUrl, signal),
  ]);
  return {
    baseUrl,
    state: isJsonObject(state) ? String(state['state']) : 'unknown',
    components: isJsonObject(state) ? componentsOf(state) : [],
    version: /^nephoscope_build_info\{version="([^"]*)"/m.exec(metrics)?.[1] ?? null,
    clockSkewMillis: skew,
    parkedCount: parked,
  };
}

/** The store may be what is broken: then it is nought. */
async function countParked(baseUrl: string, signal: AbortSignal): Promise<number> {
  try {
    const parameters = [['limit', String(PARKED_LIMIT)]] as const;
    const response = await getFromServer({ baseUrl, path: '/v1/parked', parameters, signal });
    const list: JsonValue = JSON.parse(await response.text());
    return Array.isArray(list) ? list.length : 0;
  } catch {
    return 0;
  }
}

function componentsOf({ components }: JsonObject): ServerView['components'] {
  return (Array.isArray(components) ? components : []).filter(isJsonObject).map((component) => ({
    name: String(component['name']),
    state: String(component['state']),
    reason: typeof component['reason'] === 'string' ? component['reason'] : null,
  }));
}

/** The Date header has whole seconds: half of one is its mean error. */
function clockSkew(header: string | null, nowMillis: number): number | null {
  const date = Date.parse(header ?? '');
  return Number.isNaN(date) ? null : date + 500 - nowMillis;
}
