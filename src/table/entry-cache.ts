import type { EntrySummary } from './stored-entry.ts';

/** A key as text, or as its UTF-8 bytes: the same key. */
export type CacheKey = string | Uint8Array;

/**
 * The entry cache: stored entries by key, bounded by bytes. It holds what the log said and nothing
 * else. Its inside may be replaced; the contract suite is in test/contract/entry-cache.ts.
 */
export interface EntryCache {
  /** The stored entry, undefined where it is not in memory. The bytes stay as they are. */
  get(key: CacheKey): Buffer | undefined;
  /** What the counts need of the entry; not a use of it that keeps it in memory. */
  summary(key: CacheKey): EntrySummary | undefined;
  set(key: CacheKey, entry: Buffer): void;
  /** Whether it was in memory. Not counted as evicted. */
  delete(key: CacheKey): boolean;
  /** Forgets everything, complete again where nothing is in storage. */
  clear(): void;
  readonly count: number;
  readonly bytes: number;
  /** What bounds `bytes`. */
  readonly bytesMax: number;
  /** Entries ever pushed out by the bound. While 0, the cache holds all that was ever set. */
  readonly evicted: number;
}
