import { VERSION } from '../version.ts';
import type { DoctorCheck, Finding, ServerView } from './finding.ts';
import { PARKED_LIMIT } from './server-view.ts';

/** The header that tells the time has whole seconds; more than this is no rounding. */
const CLOCK_TOLERANCE_MILLIS = 3_000;

/** The running nephoscope: its parts, whether it is the same release, its clock, what it has put aside. */
export const serverCheck: DoctorCheck = {
  name: 'server',
  needsConfig: false,
  run: async ({ server, request }) => {
    const view = await server();
    return view === null ? [notThere(request.serverUrl)] : judgeServer(view, VERSION);
  },
};

function notThere(url: string | null): Finding {
  const what = `no nephoscope answers${url === null ? ' on this machine' : ` at ${url}`}`;
  if (url === null) return { severity: 'info', id: 'server', what, fix: 'nephoscope serve starts one.' };
  return {
    severity: 'failure',
    id: 'server',
    what,
    fix: 'Start it, or correct --url; see its log for why it ended.',
  };
}

/** Judges what a server says, `version` being that of this program. Pure. */
export function judgeServer(view: ServerView, version: string): readonly Finding[] {
  return [
    ...view.components.flatMap(judgeComponent),
    ...judgeVersion(view, version),
    ...judgeClock(view),
    ...judgeParked(view),
    summary(view),
  ];
}

function summary({ baseUrl, state, version, components }: ServerView): Finding {
  const what = `${baseUrl} answers: ${state}, ${components.length} parts, release ${version ?? 'unknown'}`;
  if (state === 'ok' || state === 'degraded') return { severity: 'ok', id: 'server', what };
  return {
    severity: 'failure',
    id: 'server',
    what,
    why: 'It is not ready: load balancers send it nothing.',
    fix: 'Repair the parts named above; it goes on by itself.',
  };
}

function judgeComponent({ name, state, reason }: ServerView['components'][number]): readonly Finding[] {
  if (state === 'ok' && reason === null) return [];
  const severity = state === 'ok' ? 'info' : state === 'failed' ? 'failure' : 'warning';
  return [
    { severity, id: 'server-part', what: `${name} is ${state}${reason === null ? '' : `: ${reason}`}` },
  ];
}

function judgeVersion({ version: running }: ServerView, version: string): readonly Finding[] {
  if (running === null || running === version) return [];
  return [
    {
      severity: 'warning',
      id: 'server-version',
      what: `The server is release ${running}, this command ${version}`,
      why: 'Files were replaced and the service was not started again, or two installations are mixed up.',
      fix: 'Start the service again, or call the command of the same installation.',
    },
  ];
}

function judgeClock({ clockSkewMillis }: ServerView): readonly Finding[] {
  if (clockSkewMillis === null || Math.abs(clockSkewMillis) <= CLOCK_TOLERANCE_MILLIS) return [];
  const seconds = Math.round(Math.abs(clockSkewMillis) / 1_000);
  return [
    {
      severity: 'warning',
      id: 'clock-skew',
      what: `The clock of the server is ${seconds} s ${clockSkewMillis > 0 ? 'ahead of' : 'behind'} this one`,
      why: 'Samples get wrong times, and alarms look at the wrong window.',
      fix: 'chronyc tracking, on both machines',
    },
  ];
}

function judgeParked({ parkedCount }: ServerView): readonly Finding[] {
  if (parkedCount === 0) return [];
  const count = parkedCount >= PARKED_LIMIT ? `${PARKED_LIMIT} or more` : String(parkedCount);
  return [
    {
      severity: 'warning',
      id: 'parked',
      what: `${count} ${parkedCount === 1 ? 'message is' : 'messages are'} put aside because they could not be processed`,
      why: 'They are safe, and what they would have produced is missing.',
      fix: 'nephoscope parked list; after the repair: nephoscope parked replay --all',
    },
  ];
}
