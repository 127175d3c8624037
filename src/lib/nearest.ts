/**
 * The known word that `word` was most probably meant to be, for "did you mean …?", or undefined when none is near:
 * more than a third of the letters (at least one) would have to change. Case counts for nothing; of equally near words
 * the first wins. A swap of two neighbours is one change.
 */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  // Beyond this length nobody mistypes an option name; the table below is quadratic.
  if (word.length > 200) return undefined;
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const limit = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    if (Math.abs(candidate.length - word.length) > limit) continue;
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance <= limit && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that lead from one text to the other. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      current.push(cellDistance(from, to, row, column, { beforeLast, last, current }));
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}

interface Rows {
  readonly beforeLast: readonly number[];
  readonly last: readonly number[];
  readonly current: readonly number[];
}

function cellDistance(from: string, to: string, row: number, column: number, rows: Rows): number {
  const far = Number.POSITIVE_INFINITY;
  const replaced = (rows.last[column - 1] ?? far) + (from[row - 1] === to[column - 1] ? 0 : 1);
  const removed = (rows.last[column] ?? far) + 1;
  const added = (rows.current[column - 1] ?? far) + 1;
  const crossed =
    row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
  const swapped = crossed ? (rows.beforeLast[column - 2] ?? far) + 1 : far;
  return Math.min(replaced, removed, added, swapped);
}
