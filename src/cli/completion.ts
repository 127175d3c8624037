import { Argument, type Command } from 'commander';
import type { RegisterCommand } from './command.ts';
import { loadWholeProgram } from './whole-program.ts';

type Shell = 'bash' | 'zsh' | 'fish';

/** `nephoscope completion SHELL`: a script made of the commands and options there are. */
export const registerCompletion: RegisterCommand = (program, io) => {
  program
    .command('completion')
    .description('Print a completion script for a shell.')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
Examples:
  source <(nephoscope completion bash)
  nephoscope completion zsh > "\${fpath[1]}/_nephoscope"
  nephoscope completion fish > ~/.config/fish/completions/nephoscope.fish`,
    )
    .action(async (shell: Shell) => {
      io.stdout.write(SCRIPTS[shell](wordsOf(await loadWholeProgram(io))));
    });
};

/** For each command path (`parked drop`) the words that may follow: sub-commands and long options. */
export type CompletionWords = ReadonlyMap<string, readonly string[]>;

/** Walks a command tree. Pure. */
export function wordsOf(command: Command, path: readonly string[] = []): CompletionWords {
  const options = command.options.flatMap(({ long, hidden }) => (hidden ? [] : (long ?? [])));
  const names = command.commands.map((sub) => sub.name());
  const below = command.commands.flatMap((sub) => [...wordsOf(sub, [...path, sub.name()])]);
  return new Map([[path.join(' '), [...names, ...options, '--help']], ...below]);
}

const SCRIPTS: Readonly<Record<Shell, (words: CompletionWords) => string>> = {
  bash: (words) => `_nephoscope() {
  local word="\${COMP_WORDS[COMP_CWORD]}" path="" index candidate
  for ((index = 1; index < COMP_CWORD; index++)); do
    candidate="\${path:+$path }\${COMP_WORDS[index]}"
    case "$candidate" in ${[...words.keys()].filter(Boolean).map(quote).join('|')}) path="$candidate" ;; esac
  done
  case "$path" in
${[...words].map(([path, list]) => `    ${quote(path)}) COMPREPLY=($(compgen -W ${quote(list.join(' '))} -- "$word")) ;;`).join('\n')}
  esac
}
complete -o default -F _nephoscope nephoscope
`,
  zsh: (words) => `#compdef nephoscope
autoload -U +X bashcompinit && bashcompinit
${SCRIPTS.bash(words)}`,
  fish: (words) =>
    [...words]
      .flatMap(([path, list]) => list.map((word) => fishLine(path, word)))
      .join('\n')
      .concat('\n'),
};

function fishLine(path: string, word: string): string {
  const condition =
    path === '' ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${path.split(' ').at(-1)}`;
  const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`;
  return `complete -c nephoscope -n '${condition}' ${what}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
