import type { Entry } from '../entry.ts';
import type { EntryCache } from './entry-cache.ts';
import { decodeEntry, type EntrySummary } from './stored-entry.ts';
import type { Table } from './table.ts';

/** What an entry takes in memory beside key and value, at least: its heads, its cell in the index. */
const OVERHEAD_BYTES = 40;

/** The answer of `getNow` where only storage knows. */
export const UNKNOWN: unique symbol = Symbol('only storage knows');

/** A fill of the cache from storage: good while the cache was not cleared, and the generation is the active one. */
export interface Warming {
  readonly partition: number;
  readonly generation: number;
  readonly clears: number;
}

/**
 * The entries as readers see them: the cache before the table. Keeps the rule that makes the cache
 * safe: a read may fill it only if no batch that touches its partition was committed or pending
 * since its storage read began; else an old value could stay in the cache for ever.
 */
export class Entries {
  readonly #table: Table;
  readonly #cache: EntryCache;
  /** Per partition, how many batches have begun or ended; odd while one is pending. */
  readonly #batches: number[] = [];
  /** Partitions of which every key was set in the cache, as long as nothing was pushed out. */
  readonly #filledWhole = new Set<number>();
  /** How often the cache was cleared. */
  #clears = 0;
  /** What storage holds was forgotten by the cache. */
  onSwitched: () => void = () => {};

  constructor(table: Table, cache: EntryCache) {
    this.#table = table;
    this.#cache = cache;
    this.#noteWhole();
  }

  /** The entry, undefined where the key has none, or UNKNOWN. Never waits. */
  getNow(partition: number, key: string): Entry | undefined | typeof UNKNOWN {
    const stored = this.#cache.get(key);
    if (stored !== undefined) return decodeEntry(stored);
    return this.whole(partition) ? undefined : UNKNOWN;
  }

  /** The entry, undefined where the key has none. Rejects with StorageError, or Error for bytes that are no entry. */
  async get(partition: number, key: string): Promise<Entry | undefined> {
    for (;;) {
      const now = this.getNow(partition, key);
      if (now !== UNKNOWN) return now;
      const { generation } = this.#table.state(partition).active;
      const batches = this.#batches[partition] ?? 0;
      const [stored] = await this.#table.readMany(partition, [Buffer.from(key)], generation);
      if (this.#table.state(partition).active.generation !== generation) continue;
      const untouched = batches % 2 === 0 && (this.#batches[partition] ?? 0) === batches;
      if (stored === undefined) return undefined;
      const entry = decodeEntry(stored);
      if (untouched) this.#cache.set(key, stored);
      return entry;
    }
  }

  /** What the applier's counts need of the entry, where it is in memory. */
  summary(key: Uint8Array): EntrySummary | undefined {
    return this.#cache.summary(key);
  }

  /** Memory has ended: some entry was pushed out. */
  get full(): boolean {
    return this.#cache.evicted > 0;
  }

  /** Whether all entries may find room in memory. */
  get fits(): boolean {
    let bytes = 0;
    for (const { active } of this.#table.states()) {
      bytes += active.bytes + (active.entries + active.markers) * OVERHEAD_BYTES;
    }
    return bytes <= this.#cache.bytesMax;
  }

  /** Whether a key that is not in the cache has no entry. */
  whole(partition: number): boolean {
    return !this.full && this.#filledWhole.has(partition);
  }

  /** A batch that touches this partition is about to be committed. */
  applying(partition: number): void {
    this.#batches[partition] = (this.#batches[partition] ?? 0) + 1;
  }

  /** The batch has ended: with what it changed, or with nothing where it failed. */
  applied(
    partition: number,
    changed: readonly { readonly key: Uint8Array; readonly stored: Buffer }[],
  ): void {
    for (const { key, stored } of changed) this.#cache.set(key, stored);
    this.#batches[partition] = (this.#batches[partition] ?? 0) + 1;
  }

  /** The active generation of a partition is another one: what was cached no longer counts. */
  switched(): void {
    this.#clears++;
    this.#cache.clear();
    this.#noteWhole();
    this.onSwitched();
  }

  /** The fill of a partition from a scan of storage that begins now. */
  warming(partition: number): Warming {
    const { generation } = this.#table.state(partition).active;
    return { partition, generation, clears: this.#clears };
  }

  /** Takes in some entries of such a scan; false where the scan is of no more use. */
  warm(
    warming: Warming,
    pairs: readonly { readonly key: Uint8Array; readonly entry: Buffer }[],
  ): boolean {
    for (const { key, entry } of pairs) {
      if (!this.#isWarming(warming)) return false;
      // What was applied since the scan began is in the cache, and newer: it never leaves it unnoticed.
      if (this.#cache.summary(key) === undefined) this.#cache.set(key, entry);
    }
    return true;
  }

  /** The scan has come to its end. */
  warmed(warming: Warming): void {
    if (this.#isWarming(warming)) this.#filledWhole.add(warming.partition);
  }

  #isWarming({ partition, generation, clears }: Warming): boolean {
    const { active } = this.#table.state(partition);
    return !this.full && clears === this.#clears && generation === active.generation;
  }

  #noteWhole(): void {
    this.#filledWhole.clear();
    for (const [partition, { active }] of this.#table.states().entries()) {
      if (active.entries + active.markers === 0) this.#filledWhole.add(partition);
    }
  }

  /** The table has become that of a log: its partitions are known now. */
  adopted(): void {
    this.#noteWhole();
  }
}
