/**
 * Runs `work` for each item, at most `width` at a time. After the first failure none is begun any more; rejects with it
 * when all that began have ended.
 */
export async function eachAtOnce<Item>(
  items: Iterable<Item>,
  width: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (let next = rest.next(); failures.length === 0 && next.done !== true; next = rest.next()) {
      await work(next.value).catch((thrown) => failures.push(thrown));
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  if (failures.length > 0) throw failures[0];
}
