import { ERROR_CODES } from '../component/error-codes.ts';
import { nearestWord } from '../lib/nearest.ts';
import { EXIT, type RegisterCommand } from './command.ts';

/** `nephoscope explain [CODE]`: what a code means and what to do; without a code the list of all. */
export const registerExplain: RegisterCommand = (program, io, setExitCode) => {
  program
    .command('explain')
    .description('Explain an error code of nephoscope, or list all of them.')
    .argument('[code]', 'an error code, e.g. E1106')
    .action((code: string | undefined) => {
      const entries = Object.entries(ERROR_CODES);
      const wanted = code?.toUpperCase();
      const shown = wanted === undefined ? entries : entries.filter(([known]) => known === wanted);
      if (shown.length === 0) {
        const near = nearestWord(wanted ?? '', Object.keys(ERROR_CODES));
        const hint = near === undefined ? '' : ` Did you mean ${near}?`;
        io.stderr.write(`No error has the code ${wanted}.${hint} nephoscope explain lists all codes.\n`);
        setExitCode(EXIT.notFound);
      }
      for (const [known, { title, hint }] of shown) io.stdout.write(`${known}  ${title}\n       ${hint}\n`);
    });
};
