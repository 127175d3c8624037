/**
 * Compiles the inside of a glob's brackets, given as single characters: members, ranges `a-z`, a leading `!` that
 * negates. A hyphen at either end is a member, a range whose ends are in the wrong order is empty. Never throws.
 */
export function compileCharacterSet(characters: readonly string[]): (codePoint: number) => boolean {
  const negated = characters[0] === '!';
  const ranges = readRanges(negated ? characters.slice(1) : characters);
  return (codePoint) => {
    for (const [first, last] of ranges) if (codePoint >= first && codePoint <= last) return !negated;
    return negated;
  };
}

function readRanges(members: readonly string[]): readonly (readonly [number, number])[] {
  const points = members.map((member) => member.codePointAt(0) ?? 0);
  const ranges: [number, number][] = [];
  for (let index = 0; index < points.length; index += 1) {
    const first = points[index] ?? 0;
    const last = members[index + 1] === '-' ? points[index + 2] : undefined;
    ranges.push([first, last ?? first]);
    if (last !== undefined) index += 2;
  }
  return ranges;
}
