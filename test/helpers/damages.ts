import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const PAGE_BYTES = 4096;

/** Damages the largest file of a form in a folder. */
export type Damage = (folder: string) => Promise<void>;

const largest = async (folder: string, form: RegExp): Promise<string> => {
  const sizes: [string, number][] = [];
  for (const name of await readdir(folder)) {
    if (form.test(name)) sizes.push([name, (await stat(join(folder, name))).size]);
  }
  const [found] = sizes.sort(([, a], [, b]) => b - a);
  assert.ok(found, `no ${form} in ${folder}`);
  return join(folder, found[0]);
};

export const removed =
  (form: RegExp): Damage =>
  async (folder) =>
    rm(await largest(folder, form));

export const replacedByFolder =
  (form: RegExp): Damage =>
  async (folder) => {
    const path = await largest(folder, form);
    await rm(path);
    await mkdir(path);
  };

/** One bit in each of so many pages. */
export const flipped =
  (form: RegExp, pages = Number.POSITIVE_INFINITY): Damage =>
  async (folder) => {
    const path = await largest(folder, form);
    const bytes = await readFile(path);
    for (let page = 0; page < pages; page++) {
      const at = Math.min(100, bytes.length - 1) + page * PAGE_BYTES;
      if (at >= bytes.length) break;
      bytes.writeUInt8(bytes.readUInt8(at) ^ 4, at);
    }
    await writeFile(path, bytes);
  };

/** To a part of its length, 0 to 1. */
export const cutTo =
  (form: RegExp, part: number): Damage =>
  async (folder) => {
    const path = await largest(folder, form);
    await truncate(path, Math.floor((await stat(path)).size * part));
  };
