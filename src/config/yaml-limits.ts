/** Bounds of a YAML file, so that a hostile or mistaken one costs little (reliability: size, depth, alias bombs). */
export const YAML_LIMITS = {
  /** UTF-8 bytes of the file. */
  bytes: 4 * 1024 * 1024,
  /** Collections within collections, aliases followed. */
  depth: 50,
  /** Values that aliases and merges may add; a real file of a thousand definitions stays far below. */
  aliasedValues: 100_000,
  /** Syntax errors reported, one per line. */
  syntaxErrors: 5,
  /** Other errors reported, and as many warnings. */
  problems: 100,
} as const;
