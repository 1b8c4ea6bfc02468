import type { KeyScratch } from './key-scratch.ts';
import { Segment } from './segment.ts';

const OFFSET_SHIFT = 3;
const LOCATION_BITS = 32;
/** The objects around a segment's bytes. */
const SEGMENT_OVERHEAD_BYTES = 400;
/** Entries beyond this share of a segment get one of their own. */
const LARGE_SHARE = 4;

/**
 * The segments that hold the entries, in the order of their age. A location is 32 bits, the
 * segment's number and the offset in units of 8 bytes: with segments of 1 MiB it reaches 32 GiB.
 */
export class SegmentLog {
  readonly segmentBytes: number;
  /** Where entries are appended. */
  head: Segment | undefined;
  oldest: Segment | undefined;
  #newest: Segment | undefined;
  /** Memory of all segments. */
  heldBytes = 0;
  /** Bytes of dead entries in segments of the common size. */
  deadBytes = 0;
  readonly #offsetBits: number;
  readonly #offsetMask: number;
  readonly #idsMax: number;
  #byId: (Segment | undefined)[] = [undefined];
  #freeIds: number[] = [];

  /** @param segmentBytes a power of two */
  constructor(segmentBytes: number) {
    this.segmentBytes = segmentBytes;
    this.#offsetBits = Math.log2(segmentBytes) - OFFSET_SHIFT;
    this.#offsetMask = 2 ** this.#offsetBits - 1;
    this.#idsMax = 2 ** (LOCATION_BITS - this.#offsetBits) - 1;
  }

  segmentAt(location: number): Segment {
    return this.#byId[location >>> this.#offsetBits] as Segment;
  }

  offsetAt(location: number): number {
    return (location & this.#offsetMask) << OFFSET_SHIFT;
  }

  locationOf(segment: Segment, offset: number): number {
    return (segment.id << this.#offsetBits) | (offset >>> OFFSET_SHIFT);
  }

  isLarge(size: number): boolean {
    return size > this.segmentBytes / LARGE_SHARE;
  }

  /** Whether the head has room. */
  fits(size: number): boolean {
    return this.head !== undefined && this.head.used + size <= this.segmentBytes;
  }

  /** The memory that a segment of so many bytes takes. */
  cost(capacity: number): number {
    return capacity + SEGMENT_OVERHEAD_BYTES;
  }

  /** Whether one more segment can be named. */
  get nameable(): boolean {
    return this.#freeIds.length > 0 || this.#byId.length <= this.#idsMax;
  }

  /** Appends to the head, which has room, or to a segment of its own. Returns the location. */
  append(size: number, hash: number, key: KeyScratch, stored: Uint8Array): number {
    const segment = this.isLarge(size) ? this.#open(size, true) : this.head;
    if (segment === undefined) throw new Error('no head to append to');
    const at = segment.used;
    segment.write(at, hash, key, stored);
    segment.used = at + size;
    return this.locationOf(segment, at);
  }

  /** A new segment becomes the head. */
  openHead(): void {
    this.head = this.#open(this.segmentBytes, false);
  }

  /** Gives a segment's memory back; nothing in it counts any more. */
  release(segment: Segment): void {
    this.empty(segment);
    this.#unlink(segment);
    if (this.head === segment) this.head = undefined;
    this.#byId[segment.id] = undefined;
    this.#freeIds.push(segment.id);
    this.heldBytes -= this.cost(segment.capacity);
  }

  /** Nothing in it counts any more. */
  empty(segment: Segment): void {
    if (!segment.large) this.deadBytes -= segment.dead;
    segment.used = 0;
    segment.dead = 0;
  }

  bury(segment: Segment, at: number): void {
    const size = segment.size(at);
    segment.setDead(at);
    segment.dead += size;
    if (!segment.large) this.deadBytes += size;
  }

  /** A dead entry is passed over for good. */
  passed(segment: Segment, size: number): void {
    segment.dead -= size;
    this.deadBytes -= size;
  }

  /** Counts as the newest. */
  renew(segment: Segment): void {
    this.#unlink(segment);
    this.#link(segment);
  }

  clear(): void {
    this.head = undefined;
    this.oldest = undefined;
    this.#newest = undefined;
    this.heldBytes = 0;
    this.deadBytes = 0;
    this.#byId = [undefined];
    this.#freeIds = [];
  }

  #open(capacity: number, large: boolean): Segment {
    const id = this.#freeIds.pop() ?? this.#byId.length;
    const segment = new Segment(id, capacity, large);
    this.#byId[id] = segment;
    this.heldBytes += this.cost(capacity);
    this.#link(segment);
    return segment;
  }

  #link(segment: Segment): void {
    segment.older = this.#newest;
    segment.newer = undefined;
    if (this.#newest === undefined) this.oldest = segment;
    else this.#newest.newer = segment;
    this.#newest = segment;
  }

  #unlink(segment: Segment): void {
    const { older, newer } = segment;
    if (older === undefined) this.oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }
}
