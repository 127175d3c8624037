import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { generateAll } from './generate-all.ts';

/**
 * Writes what is made from the code: the reference pages, the OpenAPI document and the sample configuration.
 * `npm run generate` writes; with `--check` it writes nothing, lists the files that are not up to date and ends with
 * exit code 1 if there is one. The same code always gives the same files.
 */
const root = join(import.meta.dirname, '..');

async function main(args: readonly string[]): Promise<number> {
  const check = args.includes('--check');
  const stale = [...(await generateAll(root))].filter(
    ([path, text]) => readOrNull(join(root, path)) !== text,
  );
  for (const [path, text] of stale) {
    if (!check) write(join(root, path), text);
    process.stdout.write(`${check ? 'not up to date' : 'written'}: ${path}\n`);
  }
  return check && stale.length > 0 ? 1 : 0;
}

function readOrNull(file: string): string | null {
  return existsSync(file) ? readFileSync(file, 'utf8') : null;
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const isStarted = process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href;
if (isStarted) process.exitCode = await main(process.argv.slice(2));
