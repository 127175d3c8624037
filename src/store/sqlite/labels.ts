import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { firstNumber } from './database.ts';
import { Generations } from './generations.ts';

/** The number that stands for "none" where a label may be missing. */
export const NO_LABEL = 0;

/** Numbers for texts that repeat: users, projects, sources. Never removed. Only inside a write transaction. */
export class Labels {
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  readonly #known = new Generations<string, number>(8_192);

  constructor(database: DatabaseSync) {
    this.#select = database.prepare('SELECT id FROM label WHERE text = ?');
    this.#insert = database.prepare('INSERT INTO label (text) VALUES (?)');
  }

  /** The number of a text, made when it is new; `NO_LABEL` for null. */
  idOf(text: string | null): number {
    if (text === null) return NO_LABEL;
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const id = firstNumber(this.#select, text) || Number(this.#insert.run(text).lastInsertRowid);
    this.#known.set(text, id);
    return id;
  }

  forget(): void {
    this.#known.clear();
  }
}
