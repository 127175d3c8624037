import { maskUrlPasswords } from '../../observe/redaction.ts';
import { escapeControls, escapeInQuotes } from '../display-text.ts';
import type { CheckReport } from './examine.ts';
import { type Finding, SEVERITIES, type Severity } from './finding.ts';

const MARKS: Readonly<Record<Severity, string>> = { ok: '✔', info: 'ℹ', warning: '▲', failure: '✘' };
const COLORS: Readonly<Record<Severity, string>> = { ok: '32', info: '36', warning: '33', failure: '31' };

/**
 * The findings for people, one a line with its reason and what to do below it, the number of each kind at the end. Shape,
 * word and colour say the same. Pure.
 */
export function formatReport(reports: readonly CheckReport[], isColored: boolean): string {
  const lines = reports.flatMap(({ check, findings }) =>
    findings.flatMap((finding) => formatFinding(check, finding, isColored)),
  );
  return `${[...lines, '', summary(reports)].join('\n')}\n`;
}

function formatFinding(check: string, finding: Finding, isColored: boolean): readonly string[] {
  const { severity, what, why, fix } = finding;
  const head = `${MARKS[severity]} ${severity.padEnd(7)}`;
  const colored = isColored ? `\u001b[${COLORS[severity]}m${head}\u001b[0m` : head;
  return [
    `${colored} ${check.padEnd(13)} ${shown(what)}`,
    ...(why === undefined ? [] : below('why', why)),
    ...(fix === undefined ? [] : below('fix', fix)),
  ];
}

const INDENT = ' '.repeat(24);

function below(word: string, text: string): readonly string[] {
  return text
    .split('\n')
    .map((line, index) => `${INDENT}${index === 0 ? `${word}: ` : '     '}${shown(line)}`);
}

/** Names of queues and files come from others; a second line of defence for what looks like a login. */
function shown(text: string): string {
  return escapeControls(maskUrlPasswords(text));
}

function summary(reports: readonly CheckReport[]): string {
  const counts = countBySeverity(reports);
  return SEVERITIES.toReversed()
    .filter((severity) => counts[severity] > 0)
    .map((severity) => `${counts[severity]} ${severity}`)
    .join(', ');
}

function countBySeverity(reports: readonly CheckReport[]): Record<Severity, number> {
  const counts: Record<Severity, number> = { ok: 0, info: 0, warning: 0, failure: 0 };
  for (const { findings } of reports) for (const { severity } of findings) counts[severity]++;
  return counts;
}

/** The same for programs: `{verdict, counts, findings: [{check, severity, id, what, why?, fix?}]}`. Pure. */
export function formatJsonReport(reports: readonly CheckReport[]): string {
  const findings = reports.flatMap(({ check, findings: some }) => some.map((one) => ({ check, ...one })));
  const report = { verdict: verdictOf(reports), counts: countBySeverity(reports), findings };
  return `${escapeInQuotes(maskUrlPasswords(JSON.stringify(report, null, 2)))}\n`;
}

/** The worst severity that asks for something to be done; `ok` when none does. Pure. */
export function verdictOf(reports: readonly CheckReport[]): Exclude<Severity, 'info'> {
  const { failure, warning } = countBySeverity(reports);
  if (failure > 0) return 'failure';
  return warning > 0 ? 'warning' : 'ok';
}
