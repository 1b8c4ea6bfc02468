import assert from 'node:assert/strict';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RocksStorage } from '../../../src/storage/rocks/rocks-storage.ts';
import type { Storage, StorageOp } from '../../../src/storage/storage.ts';

const KEYS = 700;
const BATCHES_MIN = 400;
/** So many lie in the log at the end that the last batch is a small part of it. */
const LOG_BYTES_MIN = 64 * 1024;
const OPS_PER_BATCH = 8;
const POSITION = Buffer.from('a-position');
const EVERYTHING = { gte: Buffer.from('a'), lt: Buffer.from('z') };
/** Small, so that few batches fill a table file and leave some in the log. */
export const SMALL = { writeBufferBytes: 256 * 1024, cacheBytes: 1024 * 1024 };

const keyOf = (i: number) => Buffer.from(`key-${String(i).padStart(4, '0')}`);

/**
 * A database whose every batch writes its number beside its changes, and what it must hold after each:
 * whatever a fault leaves has to be what one of the batches had left.
 */
export class StorageHistory {
  readonly #states: ReadonlyMap<string, string>[] = [new Map()];

  /** Writes puts, overwrites and deletes; closed afterwards, some in tables and some in the log. */
  async write(directory: string): Promise<void> {
    const storage = await RocksStorage.open(directory, SMALL);
    let n = 0;
    while (n < BATCHES_MIN || (await newestLogBytes(directory)) < LOG_BYTES_MIN) {
      await storage.write(this.#batch(++n));
    }
    await storage.close();
  }

  /**
   * Reads everything, in every way. @returns whether the storage is as of the last batch or of one
   * before it. @throws AssertionError for what no batch has left
   */
  async read(storage: Storage): Promise<'all' | 'prefix'> {
    const [position] = await storage.getMany([POSITION]);
    const n = Number(position ?? 0);
    const state = this.#states[n];
    assert.ok(state !== undefined, `position ${position}`);
    const keys = Array.from({ length: KEYS }, (_, i) => keyOf(i));
    const values = await storage.getMany(keys);
    for (const [i, key] of keys.entries()) {
      assert.equal(values[i]?.toString(), state.get(String(key)), `${key} as of batch ${n}`);
    }
    const sorted = [...state.keys()].sort();
    const scanned = await pairs(storage, EVERYTHING);
    assert.deepEqual([...scanned.keys()], sorted);
    assert.deepEqual(scanned, new Map(sorted.map((key) => [key, state.get(key)])));
    for (let i = 0; i < KEYS; i += 50) {
      const place = String(keyOf(i));
      const after = await pairs(storage, { gte: keyOf(i), lt: EVERYTHING.lt, limit: 1 });
      const down = { gte: EVERYTHING.gte, lt: keyOf(i), limit: 1, reverse: true };
      const before = await pairs(storage, down);
      assert.equal(
        [...after.keys()][0],
        sorted.find((key) => key >= place),
      );
      assert.equal(
        [...before.keys()][0],
        sorted.findLast((key) => key < place),
      );
    }
    return n === this.#states.length - 1 ? 'all' : 'prefix';
  }

  #batch(n: number): StorageOp[] {
    const state = new Map(this.#states[n - 1]);
    state.set(String(POSITION), String(n));
    const ops: StorageOp[] = [{ type: 'put', key: POSITION, value: Buffer.from(String(n)) }];
    for (let i = 0; i < OPS_PER_BATCH; i += 1) {
      const key = keyOf((n * 37 + i * 101) % KEYS);
      if ((n + i) % 9 === 0) {
        state.delete(String(key));
        ops.push({ type: 'del', key });
      } else {
        const value = `value ${n}.${i} `.padEnd(60, `filler ${n} `);
        state.set(String(key), value);
        ops.push({ type: 'put', key, value: Buffer.from(value) });
      }
    }
    this.#states.push(state);
    return ops;
  }
}

async function newestLogBytes(directory: string): Promise<number> {
  const logs = (await readdir(directory)).filter((name) => name.endsWith('.log')).sort();
  return (await stat(join(directory, logs.at(-1) ?? ''))).size;
}

async function pairs(storage: Storage, range: Parameters<Storage['iterate']>[0]) {
  const found = new Map<string, string>();
  for await (const chunk of storage.iterate(range)) {
    for (const [key, value] of chunk) found.set(String(key), String(value));
  }
  return found;
}
