import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import type { DoctorCheck, DoctorContext, Finding } from './finding.ts';

/** As `engines` of package.json. */
const OLDEST_NODE = [24, 15] as const;
const MEBIBYTE = 1024 * 1024;
/** A server under full load stays below a fourth of this; less ends in pauses and then in a crash. */
const LEAST_HEAP_BYTES = 256 * MEBIBYTE;

/** The runtime: version, memory flags, and switches that take protection away. */
export const programCheck: DoctorCheck = {
  name: 'program',
  needsConfig: false,
  run: ({ env }) => [nodeVersion(process.versions.node), ...memory(), ...dangerousSwitches(env)],
};

/** What a version of Node means for us. Pure. */
export function nodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor, wantedMinor] = OLDEST_NODE;
  const isEnough = major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
  if (isEnough) return { severity: 'ok', id: 'node-version', what: `Node ${version}` };
  return {
    severity: 'failure',
    id: 'node-version',
    what: `Node ${version} is too old`,
    why: `The embedded store and the loader need ${OLDEST_NODE.join('.')} or newer.`,
    fix: 'Run bin/nephoscope of the installed release: npm ci brings a Node that fits.',
  };
}

function memory(): readonly Finding[] {
  const limit = getHeapStatistics().heap_size_limit;
  const available = process.constrainedMemory() || totalmem();
  const findings = heapFindings(limit, Math.min(available, totalmem()));
  return findings.length > 0
    ? findings
    : [{ severity: 'ok', id: 'memory', what: `heap may grow to ${mebibytes(limit)}` }];
}

/** Compares the limit of the heap with what the machine or its control group gives; both in bytes. Pure. */
export function heapFindings(limit: number, available: number): readonly Finding[] {
  if (limit < LEAST_HEAP_BYTES) {
    return [
      {
        severity: 'warning',
        id: 'memory',
        what: `The heap may grow to ${mebibytes(limit)} only`,
        why: 'A burst of large notifications then ends the process.',
        fix: 'Remove --max-old-space-size from NODE_OPTIONS, or set it to 512 or more.',
      },
    ];
  }
  if (limit <= available) return [];
  return [
    {
      severity: 'warning',
      id: 'memory',
      what: `The heap may grow to ${mebibytes(limit)}, this machine or control group gives ${mebibytes(available)}`,
      why: 'The kernel would end the process before it cleans up.',
      fix: `NODE_OPTIONS=--max-old-space-size=${Math.max(256, Math.floor((available * 0.6) / MEBIBYTE))}`,
    },
  ];
}

function dangerousSwitches(env: DoctorContext['env']): readonly Finding[] {
  const findings: Finding[] = [];
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    findings.push({
      severity: 'failure',
      id: 'tls-not-verified',
      what: 'NODE_TLS_REJECT_UNAUTHORIZED=0 is set',
      why: 'No certificate of anybody is checked: broker, targets and Keystone can be impersonated.',
      fix: 'Unset it; name your own authority in ssl_ca_file or in NODE_EXTRA_CA_CERTS.',
    });
  }
  if (/--inspect\b|--inspect-brk|--inspect-wait/.test(env['NODE_OPTIONS'] ?? '')) {
    findings.push({
      severity: 'warning',
      id: 'debugger-open',
      what: 'NODE_OPTIONS opens the debugger',
      why: 'Whoever reaches its port runs code as this user and reads every secret.',
      fix: 'Remove --inspect from NODE_OPTIONS.',
    });
  }
  return findings;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / MEBIBYTE)} MiB`;
}
