import type { Clock } from '../../src/clock.ts';
import { checkKeys, checkOps, checkRange } from '../../src/storage/check-ops.ts';
import { SortedKeys } from '../../src/storage/sorted-keys.ts';
import {
  type KeyRange,
  type Storage,
  StorageError,
  type StorageOp,
  type StoragePair,
  type StorageStats,
} from '../../src/storage/storage.ts';
import type { Random } from './scheduler.ts';

type Undo = readonly (readonly [key: string, before: Buffer | undefined])[];

/** The platters: what is there after a crash. Batches not yet synced can be lost, the youngest first. */
export class SimDisk {
  readonly #pairs = new Map<string, Buffer>();
  readonly #keys = new SortedKeys();
  #unsynced: Undo[] = [];
  /** While true every write fails, as on a full disk. */
  full = false;
  /** How likely a read or a write fails, as on a dying disk. */
  failing = 0;
  tornTails = 0;
  /** Keys whose bytes are no longer what was written. */
  readonly #rotten = new Set<string>();

  get size(): number {
    return this.#pairs.size;
  }

  get(key: string): Buffer | undefined {
    if (this.#rotten.has(key)) throw new StorageError('a checksum differs', undefined, 'corrupt');
    return this.#pairs.get(key);
  }

  /** Bits of one value flip, whichever it is. */
  rot(random: Random): void {
    if (this.size > 0) this.#rotten.add(random.pick([...this.#pairs.keys()]));
  }

  commit(ops: readonly StorageOp[], sync: boolean): void {
    if (this.full) throw new StorageError('no space left on device', undefined, 'full');
    const undo: (readonly [string, Buffer | undefined])[] = [];
    for (const op of ops) {
      const key = op.key.toString('latin1');
      undo.push([key, this.#pairs.get(key)]);
      this.#set(key, op.type === 'put' ? Buffer.from(op.value) : undefined);
    }
    if (sync) this.#unsynced = [];
    else this.#unsynced.push(undo);
  }

  /** The power went: some of the newest batches that were not synced are gone, whole. */
  losePower(random: Random): void {
    const lost = random.integer(0, this.#unsynced.length);
    for (let i = 0; i < lost; i++) {
      const undo = this.#unsynced.pop() ?? [];
      for (const [key, before] of [...undo].reverse()) this.#set(key, before);
    }
    // What is left has reached the platters.
    this.#unsynced = [];
    if (lost > 0) this.tornTails++;
  }

  wipe(): void {
    for (const key of [...this.#pairs.keys()]) this.#set(key, undefined);
    this.#unsynced = [];
  }

  keysIn({ gte, lt, reverse = false, limit }: KeyRange): string[] {
    const keys: string[] = [];
    if (limit === 0 || Buffer.compare(gte, lt) >= 0) return keys;
    for (const key of this.#keys.range(gte.toString('latin1'), lt.toString('latin1'), reverse)) {
      keys.push(key);
      if (keys.length === limit) break;
    }
    return keys;
  }

  #set(key: string, value: Buffer | undefined): void {
    this.#rotten.delete(key);
    if (value === undefined) {
      if (this.#pairs.delete(key)) this.#keys.delete(key);
      return;
    }
    if (!this.#pairs.has(key)) this.#keys.add(key);
    this.#pairs.set(key, value);
  }
}

/** So few, and so slow, that a scan meets what is written beside it. */
const CHUNK_PAIRS_MAX = 4;
const CHUNK_MS_MAX = 5;

/**
 * A process's handle on a disk: calls take time, and end with the process. As with RocksDB no write
 * is taken after one that failed, until another handle is opened.
 */
export class SimStorage implements Storage {
  readonly #disk: SimDisk;
  readonly #clock: Clock;
  readonly #random: Random;
  #closed = false;
  #broken = false;
  /** Writes, one after the other. */
  #tail: Promise<void> = Promise.resolve();
  readonly #reads = new Set<Promise<unknown>>();

  constructor(disk: SimDisk, clock: Clock, random: Random) {
    this.#disk = disk;
    this.#clock = clock;
    this.#random = random;
  }

  static async open(disk: SimDisk, clock: Clock, random: Random): Promise<SimStorage> {
    const storage = new SimStorage(disk, clock, random);
    await storage.#time(10);
    storage.#fail();
    return storage;
  }

  async write(ops: readonly StorageOp[], options: { readonly sync?: boolean } = {}): Promise<void> {
    this.#refuseClosed();
    checkOps(ops);
    await this.#queue(() => this.#disk.commit(ops, options.sync === true));
  }

  async getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    this.#refuseClosed();
    checkKeys(keys);
    const read = (async () => {
      await this.#time(3);
      this.#fail();
      const found = keys.map((key) => this.#disk.get(key.toString('latin1')));
      await this.#time(3);
      return found.map((value) => value && Buffer.from(value));
    })();
    this.#reads.add(read);
    try {
      return await read;
    } finally {
      this.#reads.delete(read);
    }
  }

  iterate(range: KeyRange): AsyncIterable<readonly StoragePair[]> {
    try {
      this.#refuseClosed();
      checkRange(range);
      this.#fail();
      const pairs = this.#disk.keysIn(range).map((key): StoragePair => {
        return [Buffer.from(key, 'latin1'), Buffer.from(this.#disk.get(key) ?? [])];
      });
      return this.#chunks(pairs);
    } catch (error) {
      return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) };
    }
  }

  async clear(range: { readonly gte: Buffer; readonly lt: Buffer }): Promise<void> {
    this.#refuseClosed();
    checkRange(range);
    await this.#queue(() => {
      const keys = this.#disk.keysIn(range);
      if (keys.length === 0) return;
      const ops = keys.map((key) => ({ type: 'del' as const, key: Buffer.from(key, 'latin1') }));
      this.#disk.commit(ops, false);
    });
  }

  stats(): StorageStats {
    return { bytes: this.#disk.size };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#tail;
    await Promise.allSettled(this.#reads);
  }

  #queue(commit: () => void): Promise<void> {
    const done = this.#tail.then(async () => {
      await this.#time(4);
      if (this.#broken) throw new StorageError('an earlier write failed');
      this.#broken = true;
      this.#fail();
      commit();
      this.#broken = false;
      await this.#time(2);
    });
    this.#tail = done.catch(() => {});
    return done;
  }

  async *#chunks(pairs: readonly StoragePair[]): AsyncGenerator<readonly StoragePair[]> {
    for (let i = 0; i < pairs.length; i += CHUNK_PAIRS_MAX) {
      this.#refuseClosed();
      await this.#time(CHUNK_MS_MAX);
      yield pairs.slice(i, i + CHUNK_PAIRS_MAX);
    }
  }

  #fail(): void {
    const { failing } = this.#disk;
    if (failing > 0 && this.#random.chance(failing)) throw new StorageError('I/O error');
  }

  #refuseClosed(): void {
    if (this.#closed) throw new StorageError('closed', undefined, 'closed');
  }

  #time(max: number): Promise<void> {
    const ms = this.#random.between(0, max);
    return new Promise((resolve) => void this.#clock.after(ms, resolve));
  }
}
