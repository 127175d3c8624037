/** What an error code means to the operator: the source of docs/reference/errors.md and `nephoscope explain`. */
interface ErrorCodeEntry {
  /** What happened, in a few words. */
  readonly title: string;
  /** What to do, as one sentence; errors may carry a more exact one. */
  readonly hint: string;
}

/**
 * All codes, grouped by where they come from. A code is never reused and never changes its meaning:
 * programs match on it.
 */
export const ERROR_CODES = {
  // E10xx configuration files, options, environment
  E1000: { title: 'Bad configuration', hint: 'Correct the mistakes listed below it; nothing was started.' },
  // E11xx pipeline.yaml and event_pipeline.yaml
  // E12xx event and meter definitions
  // E13xx YAML
  // E20xx broker
  // E30xx store
  // E40xx HTTP interface and queries
  // E50xx notifications and parking
  // E60xx command line
  // E70xx polling
} as const satisfies Record<string, ErrorCodeEntry>;

export type ErrorCode = keyof typeof ERROR_CODES;
