import { checkKeys, checkOps, checkRange } from './check-ops.ts';
import { SortedKeys } from './sorted-keys.ts';
import {
  ClosedError,
  type KeyRange,
  type Storage,
  type StorageOp,
  type StoragePair,
  type StorageStats,
} from './storage.ts';

const CHUNK_PAIRS_MAX = 1_000;

/** A table in memory alone. Keys as latin1 strings: their code unit order is the order of bytes. */
export class MemoryStorage implements Storage {
  readonly #pairs = new Map<string, StoragePair>();
  readonly #keys = new SortedKeys();
  #bytes = 0;
  #closed = false;

  async write(ops: readonly StorageOp[]): Promise<void> {
    this.#refuseClosed();
    checkOps(ops);
    for (const op of ops) {
      if (op.type === 'put') this.#put(op.key, op.value);
      else this.#delete(op.key.toString('latin1'));
    }
  }

  async getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    this.#refuseClosed();
    checkKeys(keys);
    return keys.map((key) => this.#pairs.get(key.toString('latin1'))?.[1]);
  }

  iterate(range: KeyRange): AsyncIterable<readonly StoragePair[]> {
    try {
      this.#refuseClosed();
      checkRange(range);
      return this.#chunks(this.#snapshot(range));
    } catch (error) {
      return refused(error);
    }
  }

  async clear(range: { readonly gte: Buffer; readonly lt: Buffer }): Promise<void> {
    this.#refuseClosed();
    checkRange(range);
    const [gte, lt] = [range.gte.toString('latin1'), range.lt.toString('latin1')];
    for (const key of [...this.#keys.range(gte, lt, false)]) this.#delete(key);
  }

  stats(): StorageStats {
    return { bytes: this.#bytes };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #put(key: Buffer, value: Buffer): void {
    const name = key.toString('latin1');
    const former = this.#pairs.get(name);
    if (former === undefined) this.#keys.add(name);
    else this.#bytes -= former[0].length + former[1].length;
    // Copies, as a disk would make: the caller's buffers may be parts of large ones.
    this.#pairs.set(name, [Buffer.from(key), Buffer.from(value)]);
    this.#bytes += key.length + value.length;
  }

  #delete(name: string): void {
    const former = this.#pairs.get(name);
    if (former === undefined) return;
    this.#pairs.delete(name);
    this.#keys.delete(name);
    this.#bytes -= former[0].length + former[1].length;
  }

  #snapshot({ gte, lt, reverse = false, limit = Number.MAX_SAFE_INTEGER }: KeyRange) {
    const pairs: StoragePair[] = [];
    if (limit === 0 || Buffer.compare(gte, lt) >= 0) return pairs;
    for (const name of this.#keys.range(gte.toString('latin1'), lt.toString('latin1'), reverse)) {
      const pair = this.#pairs.get(name);
      if (pair !== undefined) pairs.push(pair);
      if (pairs.length >= limit) break;
    }
    return pairs;
  }

  async *#chunks(pairs: readonly StoragePair[]): AsyncGenerator<readonly StoragePair[]> {
    for (let from = 0; from < pairs.length; from += CHUNK_PAIRS_MAX) {
      this.#refuseClosed();
      yield pairs.slice(from, from + CHUNK_PAIRS_MAX);
    }
  }

  #refuseClosed(): void {
    if (this.#closed) throw new ClosedError();
  }
}

function refused(error: unknown): AsyncIterable<never> {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) };
}
