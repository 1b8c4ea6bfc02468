/**
 * The entry cache: stored entries by key, bounded by bytes. It holds what the log said and nothing
 * else. Its inside may be replaced; the contract suite is in test/contract/entry-cache.ts.
 */
export interface EntryCache {
  /** The stored entry, undefined where it is not in memory. The bytes are valid until the next call. */
  get(key: string): Buffer | undefined;
  set(key: string, entry: Buffer): void;
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

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
    this.#evicted = 0;
  }
}

function cost(key: string, entry: Buffer): number {
  return key.length + entry.length + OVERHEAD_BYTES;
}
