/**
 * What SQL of an expand step may do: only add what an older program does not notice. Everything that is not on the
 * list is refused, so a new kind of statement must be thought about first.
 */
const ALLOWED: readonly RegExp[] = [
  /^CREATE TABLE\b/i,
  /^CREATE INDEX\b/i,
  /^ALTER TABLE \S+ ADD\b/i,
  /^INSERT INTO\b/i,
  /^INSERT OR IGNORE INTO\b/i,
  /^UPDATE\b/i,
];

/**
 * What in the SQL of an expand step an older program could not live with, one text each; empty when nothing is. Pure.
 *
 * Refused are drop, rename, change of a type, a column that is NOT NULL without a default, UNIQUE on what exists already,
 * and every statement that is not known to add only.
 */
export function checkExpandOnly(sql: string): readonly string[] {
  const statements = splitStatements(sql);
  const created = new Set(statements.map(createdTable).filter((name) => name !== undefined));
  return statements.flatMap((statement) => checkStatement(statement, created));
}

function checkStatement(statement: string, created: ReadonlySet<string>): readonly string[] {
  const shown = statement.length > 60 ? `${statement.slice(0, 60)}…` : statement;
  if (/^ALTER TABLE\b/i.test(statement)) return checkAlter(statement, shown, created);
  const unique = /^CREATE UNIQUE INDEX\b.*?\bON (\S+?)\s*\(/i.exec(statement)?.[1];
  if (unique !== undefined) {
    const name = plainName(unique);
    return created.has(name) ? [] : [`${shown}: an older program may write rows that are not unique`];
  }
  return ALLOWED.some((pattern) => pattern.test(statement)) ? [] : [`${shown}: not known to add only`];
}

function checkAlter(statement: string, shown: string, created: ReadonlySet<string>): readonly string[] {
  const match = /^ALTER TABLE (\S+) ADD (?:COLUMN )?(.+)$/i.exec(statement);
  if (match === null) return [`${shown}: only ADD COLUMN adds`];
  const [, table = '', column = ''] = match;
  if (created.has(plainName(table))) return [];
  const problems: string[] = [];
  if (/\bNOT NULL\b/i.test(column) && !/\bDEFAULT (?!NULL\b)/i.test(column)) {
    problems.push(`${shown}: NOT NULL without a default refuses the rows of an older program`);
  }
  if (/\b(?:UNIQUE|PRIMARY KEY|CHECK|REFERENCES)\b/i.test(column)) {
    problems.push(`${shown}: a constraint may refuse the rows of an older program`);
  }
  return problems;
}

function createdTable(statement: string): string | undefined {
  const name = /^CREATE TABLE (?:IF NOT EXISTS )?([^\s(]+)/i.exec(statement)?.[1];
  return name === undefined ? undefined : plainName(name);
}

function plainName(name: string): string {
  return name.replace(/^["'`[]|["'`\]]$/g, '').toLowerCase();
}

/** Statements without comments, text literals emptied, white space made one blank. */
function splitStatements(sql: string): readonly string[] {
  const token = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'/g;
  const plain = sql.replace(token, (text) => (text.startsWith("'") ? "''" : ' '));
  return plain
    .split(';')
    .map((statement) => statement.replace(/\s+/g, ' ').trim())
    .filter((statement) => statement !== '');
}
