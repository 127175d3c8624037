import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Completes package-lock.json: `node tools/run.cjs tools/complete-lock.ts`, after `npm install` changed it.
 *
 * Some packages bring one optional package per system. When a registry does not have those of other systems, npm
 * leaves them out of the lock file, and `npm ci` of npm 11 then refuses the file. This adds what the packages
 * themselves say about them, their exact version and by their name their system; nothing is fetched on a system
 * they are not for. They have no integrity hash, as there was nothing to take it from.
 */
interface LockedPackage {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

const SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'];

const file = join(import.meta.dirname, '..', 'package-lock.json');
const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, LockedPackage> };
const added = addMissing(lock.packages);
if (added.length > 0) {
  const entries = Object.entries(lock.packages).sort(([left], [right]) => left.localeCompare(right, 'en'));
  writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(entries) }, null, 2)}\n`);
}
process.stdout.write(
  `${added.length} packages added to the lock file\n${added.map((name) => `  ${name}\n`).join('')}`,
);

function addMissing(packages: Record<string, LockedPackage>): readonly string[] {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    // Those the project itself names were found when they were added.
    path === ''
      ? []
      : Object.entries(optionalDependencies).filter(
          ([name]) => packages[`node_modules/${name}`] === undefined,
        ),
  );
  for (const [name, version] of missing) packages[`node_modules/${name}`] = describe(packages, name, version);
  return missing.map(([name]) => name);
}

/** As npm would write it, with what its siblings for other systems have in common. Throws when it cannot be told. */
function describe(
  packages: Readonly<Record<string, LockedPackage>>,
  name: string,
  version: string,
): LockedPackage {
  const family = `node_modules/${name.slice(0, name.lastIndexOf('/') + 1)}`;
  const sibling = Object.entries(packages).find(
    ([path, found]) => path.startsWith(family) && found.version === version,
  )?.[1];
  const words = name.slice(name.lastIndexOf('/') + 1).split('-');
  const system = words.find((word) => SYSTEMS.includes(word));
  const processor = words.find((word) => PROCESSORS.includes(word));
  if (sibling === undefined || system === undefined || processor === undefined || !/^[\d.]+$/.test(version)) {
    throw new Error(
      `package-lock.json lacks ${name} ${version}, and its name does not say for which system it is`,
    );
  }
  const { dev, license, engines } = sibling;
  const libraries = words.at(-1)?.startsWith('musl')
    ? ['musl']
    : words.at(-1)?.startsWith('gnu')
      ? ['glibc']
      : null;
  return {
    version,
    cpu: [processor],
    ...(dev === undefined ? {} : { dev }),
    ...(libraries === null || system !== 'linux' ? {} : { libc: libraries }),
    ...(license === undefined ? {} : { license }),
    optional: true,
    os: [system],
    ...(engines === undefined ? {} : { engines }),
  };
}
