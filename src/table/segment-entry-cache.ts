import { Compaction } from './compaction.ts';
import type { CacheKey, EntryCache } from './entry-cache.ts';
import { evict } from './eviction.ts';
import { HashIndex, NOWHERE } from './hash-index.ts';
import type { KeyHash } from './key-hash.ts';
import { KeyScratch } from './key-scratch.ts';
import { entryBytes, type Segment } from './segment.ts';
import { SegmentLog } from './segment-log.ts';
import { type EntrySummary, summaryAt } from './stored-entry.ts';

export interface SegmentEntryCacheOptions {
  /** Bounds segments and index together. */
  readonly bytesMax: number;
  /** Under a random key of this process, so that nobody can choose keys of the same hash. */
  readonly hash: KeyHash;
}

const SEGMENT_BYTES_MIN = 2 ** 10;
const SEGMENT_BYTES_MAX = 2 ** 20;
/** Small caches have small segments: eviction takes a whole one. */
const SEGMENTS_MIN = 32;
/** The share of dead bytes that is left alone. */
const DEAD_SHARE = 0.25;
/** The same where the next step is to push out live entries. */
const DEAD_SHARE_WHEN_FULL = 0.15;
/** Bytes compacted for a byte appended: a segment is done before the room of the last one is used up. */
const COMPACTION_PACE = 6;
/** The share of an evicted segment that may stay because it was read. */
const KEPT_SHARE = 0.5;

/**
 * Entries outside of the JavaScript heap: a log of segments with an index of 32-bit hashes and
 * locations. New entries are appended; one of the same size takes the old one's place. Gaps are
 * closed in small steps; where memory ends the oldest segment goes, besides what was read of it.
 * Keys are in no order: an ordered index would be told where `#index` is told.
 */
export class SegmentEntryCache implements EntryCache {
  readonly bytesMax: number;
  readonly #hash: KeyHash;
  readonly #key = new KeyScratch();
  readonly #index = new HashIndex();
  readonly #log: SegmentLog;
  readonly #compaction: Compaction;
  #evicted = 0;

  constructor({ bytesMax, hash }: SegmentEntryCacheOptions) {
    this.bytesMax = bytesMax;
    this.#hash = hash;
    const wished = 2 ** Math.floor(Math.log2(Math.max(1, bytesMax / SEGMENTS_MIN)));
    this.#log = new SegmentLog(Math.min(SEGMENT_BYTES_MAX, Math.max(SEGMENT_BYTES_MIN, wished)));
    this.#compaction = new Compaction(this.#log, this.#index);
  }

  get count(): number {
    return this.#index.count;
  }

  get bytes(): number {
    return this.#log.heldBytes + this.#index.bytes;
  }

  get evicted(): number {
    return this.#evicted;
  }

  get(key: CacheKey): Buffer | undefined {
    const location = this.#find(this.#take(key));
    if (location === NOWHERE) return undefined;
    const segment = this.#log.segmentAt(location);
    const at = this.#log.offsetAt(location);
    segment.setRead(at, true);
    return segment.stored(at);
  }

  summary(key: CacheKey): EntrySummary | undefined {
    const location = this.#find(this.#take(key));
    if (location === NOWHERE) return undefined;
    const segment = this.#log.segmentAt(location);
    const at = this.#log.offsetAt(location);
    return summaryAt(segment.bytes, segment.storedAt(at), segment.storedLength(at));
  }

  set(key: CacheKey, entry: Buffer): void {
    const hash = this.#take(key);
    const size = entryBytes(this.#key.length, entry.length);
    const present = this.#find(hash);
    if (present !== NOWHERE && this.#overwrite(present, size, entry)) return;
    if (!this.#makeRoom(size, hash)) {
      this.#remove(hash);
      this.#evicted++;
      return;
    }
    const location = this.#log.append(size, hash, this.#key, entry);
    // Searched anew: making room moves entries and pushes them out.
    const old = this.#find(hash);
    if (old === NOWHERE) this.#index.add(hash, location);
    else {
      this.#index.replace(location);
      this.#bury(old);
    }
    this.#compaction.step(size * COMPACTION_PACE);
  }

  delete(key: CacheKey): boolean {
    return this.#remove(this.#take(key));
  }

  clear(): void {
    this.#log.clear();
    this.#index.clear();
    this.#compaction.clear();
    this.#evicted = 0;
  }

  /** The key in hand is this one from now on. Returns its hash. */
  #take(key: CacheKey): number {
    this.#key.take(key);
    return this.#hash(this.#key.words, this.#key.length);
  }

  /** Where the key in hand is; the index is left there. */
  #find(hash: number): number {
    const index = this.#index;
    const log = this.#log;
    let location = index.first(hash);
    while (location !== NOWHERE) {
      if (log.segmentAt(location).hasKey(log.offsetAt(location), this.#key)) break;
      location = index.next();
    }
    return location;
  }

  #overwrite(location: number, size: number, entry: Buffer): boolean {
    const segment = this.#log.segmentAt(location);
    const at = this.#log.offsetAt(location);
    if (segment.size(at) !== size) return false;
    segment.overwrite(at, entry);
    return true;
  }

  #remove(hash: number): boolean {
    const location = this.#find(hash);
    if (location === NOWHERE) return false;
    this.#index.remove();
    this.#bury(location);
    return true;
  }

  #bury(location: number): void {
    const log = this.#log;
    const segment = log.segmentAt(location);
    log.bury(segment, log.offsetAt(location));
    if (segment.dead < segment.used || this.#compaction.has(segment)) return;
    log.empty(segment);
    if (segment === log.head) return;
    if (segment.large || !this.#compaction.offer(segment)) log.release(segment);
  }

  /** Room for an entry in a segment and in the index. False: there is none, whatever goes. */
  #makeRoom(size: number, hash: number): boolean {
    const log = this.#log;
    const large = log.isLarge(size);
    const growth = this.#index.growthBytes(hash);
    if (growth === 0 && !large && log.fits(size)) return true;
    const needed = large ? growth + log.cost(size) : growth;
    if (!this.#free(needed)) return false;
    return large || log.fits(size) || this.#openHead(size, growth);
  }

  #affords(bytes: number): boolean {
    return this.bytes + bytes <= this.bytesMax && this.#log.nameable;
  }

  /** Gives memory back until there is so much to take. */
  #free(bytes: number): boolean {
    if (bytes > this.bytesMax) return false;
    while (!this.#affords(bytes)) {
      const segment = this.#compaction.takeEmpty() ?? this.#log.oldest;
      if (segment === undefined) return false;
      this.#evict(segment, 0);
      this.#log.release(segment);
    }
    return true;
  }

  /** A head with room for an entry, `reserved` bytes being spoken for. */
  #openHead(size: number, reserved: number): boolean {
    const log = this.#log;
    const cost = log.cost(log.segmentBytes);
    while (!log.fits(size)) {
      const ready = this.#compaction.take();
      if (ready !== undefined) this.#append(ready);
      else if (this.#affords(reserved + cost)) log.openHead();
      else if (!this.#compaction.begin(DEAD_SHARE_WHEN_FULL) && !this.#evictOldest()) return false;
    }
    this.#compaction.begin(DEAD_SHARE);
    return true;
  }

  #append(segment: Segment): void {
    this.#log.renew(segment);
    this.#log.head = segment;
  }

  #evictOldest(): boolean {
    const { oldest } = this.#log;
    if (oldest === undefined) return false;
    if (oldest.large) {
      this.#evict(oldest, 0);
      this.#log.release(oldest);
    } else {
      this.#evict(oldest, this.#log.segmentBytes * KEPT_SHARE);
      this.#append(oldest);
    }
    return true;
  }

  #evict(segment: Segment, keptBytesMax: number): void {
    this.#compaction.leave(segment);
    this.#evicted += evict(this.#log, this.#index, { segment, keptBytesMax });
  }
}
