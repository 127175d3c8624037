import type { Problem } from '../../component/errors.ts';
import type { Config, Secret } from '../../config/option.ts';
import type { CliIo } from '../command.ts';

/** `failure`: something does not work. `warning`: it works and should not be left so. `info`: worth knowing. */
export const SEVERITIES = ['ok', 'info', 'warning', 'failure'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** One thing a check has seen. Texts hold no secret: no password, no whole URL. */
export interface Finding {
  readonly severity: Severity;
  /** Stable, for programs: `queue-without-consumer`. */
  readonly id: string;
  /** One sentence. */
  readonly what: string;
  /** What comes of it, or where it comes from. */
  readonly why?: string;
  /** What to do, ready to apply; several lines where it is text to copy. */
  readonly fix?: string;
}

/** What the operator asked for. */
export interface DoctorRequest {
  readonly configFile: readonly string[];
  readonly configDir: readonly string[];
  /** Null: as the configuration says, and no finding when nothing answers there. */
  readonly serverUrl: string | null;
  readonly stateDir: string | null;
  /** Between the two readings of each queue. */
  readonly watchSeconds: number;
  /** Read the whole store for damage. */
  readonly deep: boolean;
  /** `http://[user:password@]host:15672`; null: no management API is asked. */
  readonly managementUrl: Secret | null;
}

/** What checks work with. */
export interface DoctorContext {
  readonly request: DoctorRequest;
  /** Null when it cannot be used; `problems` says why. */
  readonly config: Config | null;
  readonly problems: readonly Problem[];
  /** Configuration files that were read, in order. */
  readonly files: readonly string[];
  readonly stateDir: string;
  readonly env: CliIo['env'];
  /** Asks the running server once, whoever calls; null when none answers. Never rejects. */
  readonly server: () => Promise<ServerView | null>;
  /** Fires when the check has had its time, or the user has had enough. */
  readonly signal: AbortSignal;
}

/** What a running server says about itself. */
export interface ServerView {
  readonly baseUrl: string;
  readonly state: string;
  /** Parts that are not well, or have something to say. */
  readonly components: readonly {
    readonly name: string;
    readonly state: string;
    readonly reason: string | null;
  }[];
  readonly version: string | null;
  /** Its clock minus ours, in milliseconds; null when it does not say. Exact to a second. */
  readonly clockSkewMillis: number | null;
  /** Messages that are put aside, a hundred at most. */
  readonly parkedCount: number;
}

/**
 * One subject that is looked at. Changes nothing: reads files, declares passively, asks. Gives at least one finding. What
 * it throws becomes a failure that names the check.
 */
export interface DoctorCheck {
  readonly name: string;
  /** Not run while the configuration cannot be read. */
  readonly needsConfig: boolean;
  run(context: DoctorContext): Promise<readonly Finding[]> | readonly Finding[];
}
