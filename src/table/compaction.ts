import type { HashIndex } from './hash-index.ts';
import type { Segment } from './segment.ts';
import type { SegmentLog } from './segment-log.ts';

/**
 * Closes the gaps that dead entries leave, a segment at a time and in small steps: the live ones
 * slide to the front, and the segment becomes one to append to. Takes no memory of its own.
 */
export class Compaction {
  readonly #log: SegmentLog;
  readonly #index: HashIndex;
  /** The segment under way: live entries lie below `#written` and from `#walked` on. */
  #segment: Segment | undefined;
  #walked = 0;
  #written = 0;
  /** A segment with room at its end. */
  #ready: Segment | undefined;

  constructor(log: SegmentLog, index: HashIndex) {
    this.#log = log;
    this.#index = index;
  }

  /** Takes up the segment with most dead bytes where they are this share of all. Returns whether it did. */
  begin(deadShareMin: number): boolean {
    const log = this.#log;
    if (this.#segment !== undefined || this.#ready !== undefined) return false;
    if (log.deadBytes === 0 || log.deadBytes < log.heldBytes * deadShareMin) return false;
    let deadest: Segment | undefined;
    for (let each = log.oldest; each !== undefined; each = each.newer) {
      if (each === log.head || each.large) continue;
      if (each.dead > (deadest?.dead ?? 0)) deadest = each;
    }
    this.#segment = deadest;
    this.#walked = 0;
    this.#written = 0;
    return deadest !== undefined;
  }

  /** Goes on by at least so many bytes, where a segment is under way. */
  step(bytes: number): void {
    const segment = this.#segment;
    if (segment === undefined) return;
    const until = Math.min(segment.used, this.#walked + bytes);
    while (this.#walked < until) {
      const size = segment.size(this.#walked);
      if (segment.isDead(this.#walked)) this.#log.passed(segment, size);
      else {
        if (this.#walked > this.#written) {
          slide(this.#log, this.#index, { segment, from: this.#walked, to: this.#written, size });
        }
        this.#written += size;
      }
      this.#walked += size;
    }
    if (this.#walked < segment.used) return;
    segment.used = this.#written;
    this.#segment = undefined;
    this.#ready = segment;
  }

  /** A segment with room, of the one under way where there is none yet. */
  take(): Segment | undefined {
    this.step(Number.POSITIVE_INFINITY);
    const ready = this.#ready;
    this.#ready = undefined;
    return ready;
  }

  /** Leaves a segment alone, in one piece: others decide about it. */
  leave(segment: Segment): void {
    if (this.#segment === segment) this.step(Number.POSITIVE_INFINITY);
    if (this.#ready === segment) this.#ready = undefined;
  }

  /** Whether a segment is under way. */
  has(segment: Segment): boolean {
    return this.#segment === segment;
  }

  /** An empty segment is as good as a compacted one. Returns whether it was wanted. */
  offer(segment: Segment): boolean {
    // The segment under way becomes the ready one.
    if (this.#segment !== undefined || this.#ready !== undefined) return this.#ready === segment;
    this.#ready = segment;
    return true;
  }

  /** An empty segment that waits to be used, where memory is needed for something else. */
  takeEmpty(): Segment | undefined {
    if (this.#ready?.used !== 0) return undefined;
    const empty = this.#ready;
    this.#ready = undefined;
    return empty;
  }

  clear(): void {
    this.#segment = undefined;
    this.#ready = undefined;
  }
}

/** Moves a live entry towards the front of its segment. */
export function slide(
  log: SegmentLog,
  index: HashIndex,
  {
    segment,
    from,
    to,
    size,
  }: {
    readonly segment: Segment;
    readonly from: number;
    readonly to: number;
    readonly size: number;
  },
): void {
  index.at(segment.hash(from), log.locationOf(segment, from));
  segment.move(from, to, size);
  index.replace(log.locationOf(segment, to));
}
