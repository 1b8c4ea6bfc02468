import { type EntrySummary, summaryOf } from './stored-entry.ts';

/**
 * The entry cache: stored entries by key, bounded by bytes. It holds what the log said and nothing
 * else. Its inside may be replaced; the contract suite is in test/contract/entry-cache.ts.
 */
export interface EntryCache {
  /** The stored entry, undefined where it is not in memory. The bytes stay as they are. */
  get(key: string): Buffer | undefined;
  /** What the counts need of the entry; not a use of it that keeps it in memory. */
  summary(key: string): EntrySummary | undefined;
  set(key: string, entry: Buffer): void;
  /** Whether it was in memory. Not counted as evicted. */
  delete(key: string): boolean;
  /** Forgets everything, complete again where nothing is in storage. */
  clear(): void;
  readonly count: number;
  readonly bytes: number;
  /** Entries ever pushed out by the bound. While 0, the cache holds all that was ever set. */
  readonly evicted: number;
}

/** Bookkeeping of one entry in a Map, measured beside the bytes of key and value (Node 20). */
const OVERHEAD_BYTES = 250;

/** A Map in the order of setting; what was set longest ago goes first. */
export class MapEntryCache implements EntryCache {
  readonly #bytesMax: number;
  readonly #entries = new Map<string, Buffer>();
  #bytes = 0;
  #evicted = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get evicted(): number {
    return this.#evicted;
  }

  get(key: string): Buffer | undefined {
    return this.#entries.get(key);
  }

  set(key: string, entry: Buffer): void {
    const old = this.#entries.get(key);
    if (old !== undefined) {
      this.#bytes -= cost(key, old);
      this.#entries.delete(key);
    }
    this.#entries.set(key, entry);
    this.#bytes += cost(key, entry);
    for (const [oldest, bytes] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#entries.delete(oldest);
      this.#bytes -= cost(oldest, bytes);
      this.#evicted++;
    }
  }

  summary(key: string): EntrySummary | undefined {
    const entry = this.#entries.get(key);
    return entry === undefined ? undefined : summaryOf(entry);
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#bytes -= cost(key, entry);
    return this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
    this.#evicted = 0;
  }
}

function cost(key: string, entry: Buffer): number {
  return key.length + entry.length + OVERHEAD_BYTES;
}
