import { join } from 'node:path';
import { messageOf } from '../../errors.ts';
import type { Pace } from '../storage.ts';
import { corrupt } from './read-whole.ts';
import { checkTable } from './rocks-table-file.ts';

/**
 * The table files that were there at an opening; what is written later comes from memory. The binding's
 * iterators do not verify checksums, and an assertion of the engine ends the process at a block that
 * makes no sense. How far one reads beyond its range nobody can say (it passes over what was removed),
 * so all blocks are checked, once, before the first iterator is let near them.
 */
export class RocksTables {
  readonly #directory: string;
  /** Not checked yet. */
  readonly #names: Set<string>;
  #checking: Promise<void> | undefined;

  /** @param names of the files in the directory before the engine has opened it */
  constructor(directory: string, names: readonly string[]) {
    this.#directory = directory;
    this.#names = new Set(names.filter((name) => /^\d+\.sst$/.test(name)));
  }

  /**
   * Resolves when iterators may read.
   * @param between awaited now and then; what it rejects with ends the check
   * @throws StorageError `corrupt`; the error of the file system
   */
  checked(between: Pace): Promise<void> {
    if (this.#names.size === 0) return Promise.resolve();
    this.#checking ??= this.#check(between).finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #check(between: Pace): Promise<void> {
    for (const name of [...this.#names]) {
      const path = join(this.#directory, name);
      try {
        await checkTable(path, between);
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : undefined;
        if (code === 'EIO' || code === 'EISDIR') {
          throw corrupt(`${path} cannot be read: ${messageOf(error)}`, error);
        }
        // The engine removes what it has merged into others, which it verifies.
        if (code !== 'ENOENT') throw error;
      }
      this.#names.delete(name);
    }
  }
}
