import { OPTIONS } from '../app/options.ts';
import { checkSetup } from '../app/setup.ts';
import { formatProblems } from '../config/problems.ts';
import { showConfig } from '../config/show.ts';
import { type CliIo, EXIT, type RegisterCommand } from './command.ts';
import { addConfigOptions, type ConfigFlags } from './config-flags.ts';
import { readConfig } from './read-config.ts';

/** `nephoscope config check` and `nephoscope config show`. Neither starts nor writes anything. */
export const registerConfig: RegisterCommand = (program, io, setExitCode) => {
  const config = program
    .command('config')
    .description('Look at the configuration without starting anything.');
  addConfigOptions(config.command('check'))
    .description(
      'Check all configuration files: options, pipelines, event and meter definitions. Reports every mistake with\n' +
        'its file, line and column. Exit code 0, or 78 when there is a mistake; warnings alone give 0.',
    )
    .action((flags: ConfigFlags) => setExitCode(check(flags, io)));
  addConfigOptions(config.command('show'))
    .description('Show the value of every option and where it comes from; secrets are masked.')
    .option('--changed', 'only options that are not at their default')
    .action((flags: ConfigFlags & { readonly changed?: boolean }) => show(flags, io));
};

function check(flags: ConfigFlags, io: CliIo): number {
  const { setup, parts } = checkSetup(readConfig(flags, io));
  const problems = parts.flatMap((part) => part.problems);
  if (problems.length > 0) io.stderr.write(`${formatProblems(problems)}\n`);
  for (const { role, path, problems: found } of parts) {
    const errors = found.filter(({ severity }) => severity === 'error').length;
    const verdict = errors === 0 ? 'good' : `${errors} ${errors === 1 ? 'mistake' : 'mistakes'}`;
    io.stdout.write(`${role.padEnd(18)} ${verdict.padEnd(12)} ${path}\n`);
  }
  return setup === null ? EXIT.badConfiguration : EXIT.done;
}

function show(flags: ConfigFlags & { readonly changed?: boolean }, io: CliIo): void {
  let group = '';
  for (const entry of showConfig(readConfig(flags, io), OPTIONS)) {
    if (flags.changed === true && entry.origin === 'default') continue;
    if (entry.group !== group) io.stdout.write(`[${entry.group}]\n`);
    group = entry.group;
    io.stdout.write(`${entry.name} = ${entry.value}    # ${entry.origin}\n`);
  }
}
