import { homedir } from 'node:os';
import { join } from 'node:path';
import { API_HOST, API_PORT } from '../../api/options.ts';
import { OPTIONS } from '../../app/options.ts';
import { NephoscopeError, toError } from '../../component/errors.ts';
import { findConfigFiles } from '../../config/config-files.ts';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/option.ts';
import type { CliIo } from '../command.ts';
import { DEFAULT_API_URL } from '../http-client.ts';
import { CHECKS } from './checks.ts';
import type { DoctorCheck, DoctorContext, DoctorRequest, Finding } from './finding.ts';
import { viewServer } from './server-view.ts';

/** What one check has found. */
export interface CheckReport {
  readonly check: string;
  readonly findings: readonly Finding[];
}

/** What a check may take besides watching queues. */
const CHECK_MILLIS = 30_000;
/** After the signal a check has this long to end by itself. */
const GRACE_MILLIS = 1_000;

/**
 * Runs all checks side by side and gives their findings in the order of the list. A check that fails or does not end in
 * time is a finding itself; it takes half a minute and the time of watching at most. Never rejects.
 */
export async function examine(
  request: DoctorRequest,
  env: CliIo['env'],
  interrupt: AbortSignal,
  checks: readonly DoctorCheck[] = CHECKS,
): Promise<readonly CheckReport[]> {
  const limit = AbortSignal.timeout(CHECK_MILLIS + request.watchSeconds * 1_000);
  const context = createContext(request, env, AbortSignal.any([limit, interrupt]));
  return await Promise.all(
    checks.map(async (check) => ({ check: check.name, findings: await runCheck(check, context) })),
  );
}

function createContext(request: DoctorRequest, env: CliIo['env'], signal: AbortSignal): DoctorContext {
  const { configFile: files, configDir: dirs } = request;
  const { config, problems } = loadConfig({ options: OPTIONS, files, dirs, environment: env });
  const home = env['HOME'] || homedir();
  let server: ReturnType<DoctorContext['server']> | null = null;
  return {
    request,
    config,
    problems,
    files: findConfigFiles(files, dirs, { home, etc: '/etc' }).files,
    stateDir: request.stateDir ?? defaultStateDir(env, home),
    env,
    server: () => {
      server ??= viewServer(request.serverUrl ?? serverUrlOf(config));
      return server;
    },
    signal,
  };
}

/** As `nephoscope serve` has it. */
function defaultStateDir(env: CliIo['env'], home: string): string {
  return join(env['XDG_STATE_HOME'] || join(home, '.local', 'state'), 'nephoscope');
}

function serverUrlOf(config: Config | null): string {
  if (config === null) return DEFAULT_API_URL;
  const host = config.get(API_HOST);
  return `http://${host.includes(':') ? `[${host.replace(/^\[|\]$/g, '')}]` : host}:${config.get(API_PORT)}`;
}

async function runCheck(check: DoctorCheck, context: DoctorContext): Promise<readonly Finding[]> {
  if (check.needsConfig && context.config === null) {
    const what = 'not looked at, because the configuration cannot be read';
    return [{ severity: 'info', id: 'not-checked', what }];
  }
  try {
    return await Promise.race([check.run(context), overdue(context.signal)]);
  } catch (thrown) {
    return [failed(check, thrown)];
  }
}

/** Rejects some time after the signal, for checks that do not heed it. */
function overdue(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const giveUp = (): void => {
      setTimeout(() => reject(new Error('it did not end in time')), GRACE_MILLIS).unref();
    };
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
  });
}

function failed({ name }: DoctorCheck, thrown: unknown): Finding {
  const error = toError(thrown);
  const isOurs = error instanceof NephoscopeError;
  return {
    severity: 'failure',
    id: 'check-failed',
    what: isOurs
      ? `${error.code} ${error.message}`
      : `The check ${name} could not be finished: ${error.message}`,
    ...(isOurs ? { fix: error.hint } : {}),
  };
}
