import { checkSetup } from '../../app/setup.ts';
import type { Problem } from '../../component/errors.ts';
import { sortProblems } from '../../config/problems.ts';
import type { DoctorCheck, Finding } from './finding.ts';

/** What `nephoscope config check` says: options that are wrong or have no effect, pipelines, definitions. */
export const configurationCheck: DoctorCheck = {
  name: 'configuration',
  needsConfig: false,
  run: ({ config, problems, files }) => {
    if (config === null) return toFindings(problems);
    const { parts } = checkSetup(config);
    const found = [...toFindings(problems), ...toFindings(parts.flatMap((part) => part.problems))];
    const read = files.length === 0 ? 'no file, only defaults' : files.join(', ');
    const what = `options from ${read}; ${parts.length} pipeline and definition files read`;
    return [...found, { severity: 'ok', id: 'configuration', what }];
  },
};

/** Problems as findings, the worst first. Pure. */
export function toFindings(problems: readonly Problem[]): readonly Finding[] {
  return sortProblems(problems).map(({ severity, code, message, hint, position }) => ({
    severity: severity === 'error' ? 'failure' : 'warning',
    id: code,
    what: `${code} ${message}`,
    ...(position === undefined ? {} : { why: `in ${position.file}:${position.line}:${position.column}` }),
    ...(hint === '' ? {} : { fix: hint }),
  }));
}
