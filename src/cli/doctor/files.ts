import { readFileSync, type Stats, statSync } from 'node:fs';
import { OPTIONS } from '../../app/options.ts';
import { checkSetup } from '../../app/setup.ts';
import type { Config } from '../../config/option.ts';
import { DEPLOYMENTS_FILE } from '../../sources/options.ts';
import type { DoctorCheck, DoctorContext, Finding } from './finding.ts';

const OTHERS_READ = 0o004;
const OTHERS_WRITE = 0o002;
const GROUP_OR_OTHERS = 0o077;

/** Who may read secrets, and who may change what this program does. */
export const filesCheck: DoctorCheck = {
  name: 'files',
  needsConfig: true,
  run: (context) => {
    const findings = [
      ...configFiles(context),
      ...keyFiles(context.config),
      ...definitionFiles(context.config),
      ...stateDirectory(context.stateDir),
    ];
    if (findings.some(({ severity }) => severity !== 'info')) return findings;
    return [
      { severity: 'ok', id: 'file-modes', what: 'nobody else reads secrets or changes files' },
      ...findings,
    ];
  },
};

function configFiles({ files, config }: DoctorContext): readonly Finding[] {
  const withSecrets = config === null ? new Set<string>() : filesWithSecrets(config);
  return files.flatMap((file) => [
    ...(withSecrets.has(file) ? secretFile(file, 'holds a secret') : []),
    ...writableFile(file),
  ]);
}

/** Files that some option of a secret type comes from. */
function filesWithSecrets(config: Config): ReadonlySet<string> {
  const secrets = OPTIONS.filter(({ type }) => type === 'secret' || type === 'secret-multi');
  return new Set(secrets.map((option) => config.origin(option).replace(/:\d+$/, '')));
}

/** Keys of certificates, whichever part they are for: options named so. */
function keyFiles(config: Config | null): readonly Finding[] {
  const options = OPTIONS.filter(({ type, name }) => type === 'string' && /key_?file$/.test(name));
  const named = options.map((option) => config?.get(option)).filter((value) => typeof value === 'string');
  return [...new Set(named)].flatMap((file) => {
    const path = config?.findFile(file) ?? file;
    if (stats(path) !== null) return secretFile(path, 'is a private key');
    return [
      {
        severity: 'failure' as const,
        id: 'key-file-missing',
        what: `The key file ${file} is not there`,
        fix: 'Correct the option that names it, or put the file there.',
      },
    ];
  });
}

/** Pipelines name targets with their logins, the deployments file brokers with theirs. */
function definitionFiles(config: Config | null): readonly Finding[] {
  if (config === null) return [];
  const paths = new Set(checkSetup(config).parts.map(({ path }) => path));
  const deployments = config.get(DEPLOYMENTS_FILE);
  const deploymentsPath = deployments === null ? null : config.findFile(deployments);
  if (deploymentsPath !== null) paths.add(deploymentsPath);
  return [...paths].flatMap((path) => [
    ...(path === deploymentsPath || holdsLogin(path) ? secretFile(path, 'holds a login') : []),
    ...writableFile(path),
  ]);
}

const LOGIN = /\/\/[^\s:@/"']*:[^\s@/"']+@/;

function holdsLogin(path: string): boolean {
  try {
    return LOGIN.test(readFileSync(path, 'utf8'));
  } catch {
    // What this user may not read the check of the configuration has said.
    return false;
  }
}

function secretFile(path: string, what: string): readonly Finding[] {
  const found = stats(path);
  if (found === null || (found.mode & OTHERS_READ) === 0) return [];
  return [
    {
      severity: 'failure',
      id: 'secret-world-readable',
      what: `${path} ${what} and everybody on this machine may read it (mode ${octal(found)})`,
      why: 'Who has the login of the broker can read and forge all notifications of the cloud.',
      fix: `chmod o-rwx '${path}'`,
    },
  ];
}

function writableFile(path: string): readonly Finding[] {
  const found = stats(path);
  if (found === null || (found.mode & OTHERS_WRITE) === 0) return [];
  return [
    {
      severity: 'failure',
      id: 'file-world-writable',
      what: `${path} may be changed by everybody on this machine (mode ${octal(found)})`,
      why: 'It says where samples and events are sent.',
      fix: `chmod o-w '${path}'`,
    },
  ];
}

function stateDirectory(path: string): readonly Finding[] {
  const found = stats(path);
  if (found === null) {
    return [
      { severity: 'info', id: 'state-dir', what: `${path} is not there yet; the first start makes it` },
    ];
  }
  if ((found.mode & GROUP_OR_OTHERS) === 0) return [];
  return [
    {
      severity: 'warning',
      id: 'state-dir',
      what: `The state directory ${path} is open to others (mode ${octal(found)})`,
      why: 'Samples and events of all projects, and notifications with what their senders put in, lie there.',
      fix: `chmod 0700 '${path}'`,
    },
  ];
}

/** Null when it is not there or may not be looked at. */
function stats(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

function octal({ mode }: Stats): string {
  return `0${(mode & 0o777).toString(8)}`;
}
