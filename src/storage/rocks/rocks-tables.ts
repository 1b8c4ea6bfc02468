import { join } from 'node:path';
import { messageOf } from '../../errors.ts';
import { corrupt } from './read-whole.ts';
import { TableFile } from './rocks-table-file.ts';

/**
 * The table files that were there at an opening; what is written later comes from memory. The binding's
 * iterators do not verify checksums, and an assertion of the engine ends the process at a block that
 * makes no sense: so blocks are checked here before an iterator is let near them.
 */
export class RocksTables {
  readonly #directory: string;
  /** Undefined until it is asked for. Those that are all checked, or gone, are not kept. */
  readonly #files: Map<string, TableFile | undefined>;

  /** @param names of the files in the directory before the engine has opened it */
  constructor(directory: string, names: readonly string[]) {
    this.#directory = directory;
    const tables = names.filter((name) => name.endsWith('.sst'));
    this.#files = new Map(tables.map((name) => [name, undefined]));
  }

  /** Resolves when an iterator may read the range. @throws StorageError `corrupt` */
  async check(range: { readonly gte: Buffer; readonly lt: Buffer }): Promise<void> {
    for (const [name, known] of [...this.#files]) {
      const path = join(this.#directory, name);
      try {
        const file = known ?? (await TableFile.open(path));
        await file.check(range);
        if (file.allChecked) this.#files.delete(name);
        else if (this.#files.has(name)) this.#files.set(name, file);
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : undefined;
        // The engine removes what it has merged into others, which it verifies.
        if (code === 'ENOENT') this.#files.delete(name);
        else if (code === undefined) throw error;
        else throw corrupt(`${path} cannot be read: ${messageOf(error)}`, error);
      }
    }
  }
}
