import type { Clock } from '../../src/clock.ts';
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
  #unsynced: Undo[] = [];
  #sorted: string[] | undefined;
  /** While true every write fails, as on a full disk. */
  full = false;
  tornTails = 0;

  get size(): number {
    return this.#pairs.size;
  }

  get(key: string): Buffer | undefined {
    return this.#pairs.get(key);
  }

  commit(ops: readonly StorageOp[], sync: boolean): void {
    if (this.full) throw new StorageError('no space left on device');
    const undo: (readonly [string, Buffer | undefined])[] = [];
    for (const op of ops) {
      const key = op.key.toString('latin1');
      const before = this.#pairs.get(key);
      undo.push([key, before]);
      if (op.type === 'put') this.#pairs.set(key, Buffer.from(op.value));
      else this.#pairs.delete(key);
      if ((before === undefined) === (op.type === 'put')) this.#sorted = undefined;
    }
    if (sync) this.#unsynced = [];
    else this.#unsynced.push(undo);
  }

  /** The power went: some of the newest batches that were not synced are gone, whole. */
  losePower(random: Random): void {
    const lost = random.integer(0, this.#unsynced.length);
    for (let i = 0; i < lost; i++) {
      const undo = this.#unsynced.pop() ?? [];
      for (const [key, before] of [...undo].reverse()) {
        if (before === undefined) this.#pairs.delete(key);
        else this.#pairs.set(key, before);
      }
    }
    if (lost > 0) this.tornTails++;
    this.#sorted = undefined;
  }

  wipe(): void {
    this.#pairs.clear();
    this.#unsynced = [];
    this.#sorted = undefined;
  }

  keysIn({ gte, lt }: Pick<KeyRange, 'gte' | 'lt'>): string[] {
    this.#sorted ??= [...this.#pairs.keys()].sort();
    const [from, to] = [gte.toString('latin1'), lt.toString('latin1')];
    return this.#sorted.filter((key) => key >= from && key < to);
  }
}

const CHUNK_PAIRS = 16;

/** A process's handle on a disk: calls take time, and end with the process. */
export class SimStorage implements Storage {
  readonly #disk: SimDisk;
  readonly #clock: Clock;
  readonly #random: Random;
  #closed = false;
  #tail: Promise<void> = Promise.resolve();

  constructor(disk: SimDisk, clock: Clock, random: Random) {
    this.#disk = disk;
    this.#clock = clock;
    this.#random = random;
  }

  write(ops: readonly StorageOp[], options: { readonly sync?: boolean } = {}): Promise<void> {
    for (const op of ops) {
      if (op.key.length === 0 || (op.type === 'put' && op.value.length === 0)) {
        return Promise.reject(new StorageError('an empty key or value'));
      }
    }
    if (this.#closed) return Promise.reject(new StorageError('closed'));
    const done = this.#tail.then(async () => {
      await this.#time(0, 4);
      this.#disk.commit(ops, options.sync === true);
      await this.#time(0, 2);
    });
    this.#tail = done.catch(() => {});
    return done;
  }

  async getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    this.#require();
    await this.#time(0, 3);
    const found = keys.map((key) => this.#disk.get(key.toString('latin1')));
    await this.#time(0, 3);
    return found.map((value) => value && Buffer.from(value));
  }

  async *iterate(range: KeyRange): AsyncGenerator<readonly StoragePair[]> {
    this.#require();
    let keys = this.#disk.keysIn(range);
    if (range.reverse) keys.reverse();
    if (range.limit !== undefined) keys = keys.slice(0, range.limit);
    const pairs = keys.map((key): StoragePair => {
      return [Buffer.from(key, 'latin1'), Buffer.from(this.#disk.get(key) ?? [])];
    });
    for (let i = 0; i < pairs.length; i += CHUNK_PAIRS) {
      await this.#time(0, 1);
      yield pairs.slice(i, i + CHUNK_PAIRS);
    }
  }

  clear(range: { readonly gte: Buffer; readonly lt: Buffer }): Promise<void> {
    if (this.#closed) return Promise.reject(new StorageError('closed'));
    const keys = this.#disk.keysIn(range);
    if (keys.length === 0) return this.#tail;
    const ops = keys.map((key) => ({ type: 'del' as const, key: Buffer.from(key, 'latin1') }));
    return this.write(ops);
  }

  stats(): StorageStats {
    return { bytes: this.#disk.size };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#tail;
  }

  #require(): void {
    if (this.#closed) throw new StorageError('closed');
  }

  #time(min: number, max: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(this.#random.between(min, max), resolve);
    });
  }
}
