import { CELL_BYTES, IndexShard } from './index-shard.ts';

const FIRST_SLOTS = 16;
/** A shard with so many cells is split in two: some 6,000 moves, 0.1 ms. */
const SHARD_SLOTS_MAX = 8_192;
/** The directory doubles only where hashes are spread so well that it pays. */
const ENTRIES_PER_SHARD_MIN = 1_024;
/** The objects around a shard's cells. */
const SHARD_OVERHEAD_BYTES = 200;
const POINTER_BYTES = 8;

/** No location. */
export const NOWHERE = 0;

/**
 * Locations by hash: a directory of shards that the lower bits of a hash choose from (extendible
 * hashing). It grows a shard at a time, so that no step is long however many entries there are.
 * A search leaves the index at what it found; `replace` and `remove` act there, before any other call.
 */
export class HashIndex {
  #directory: IndexShard[] = [firstShard()];
  #shards = 1;
  #cells = FIRST_SLOTS;
  #count = 0;
  /** Cells of the last shard that was split, for the next one. */
  #spare: Int32Array | undefined;
  #shard: IndexShard = this.#shardOf(0);
  #hash = 0;
  #slot = 0;

  get count(): number {
    return this.#count;
  }

  /** Memory held, the first few cells aside. */
  get bytes(): number {
    const cells = (this.#cells - FIRST_SLOTS) * CELL_BYTES + (this.#spare?.byteLength ?? 0);
    return (
      cells +
      (this.#shards - 1) * SHARD_OVERHEAD_BYTES +
      (this.#directory.length - 1) * POINTER_BYTES
    );
  }

  /** The first location under a hash, NOWHERE where there is none. */
  first(hash: number): number {
    const shard = this.#shardOf(hash);
    this.#shard = shard;
    this.#hash = hash;
    return this.#search(hash >>> shard.shift);
  }

  /** The next location under the same hash. */
  next(): number {
    return this.#search((this.#slot + 1) & this.#shard.mask);
  }

  /** Finds a location that is known to be under a hash. */
  at(hash: number, location: number): void {
    let found = this.first(hash);
    while (found !== location) {
      if (found === NOWHERE) throw new Error('the index has lost a location');
      found = this.next();
    }
  }

  replace(location: number): void {
    this.#shard.cells[this.#slot * 2 + 1] = location;
  }

  remove(): void {
    this.#shard.removeAt(this.#slot);
    this.#count--;
  }

  /** How much more memory the next `add` of such a hash may take. */
  growthBytes(hash: number): number {
    const shard = this.#shardOf(hash);
    if (!shard.full) return 0;
    return (
      2 * shard.slots * CELL_BYTES + SHARD_OVERHEAD_BYTES + this.#directory.length * POINTER_BYTES
    );
  }

  add(hash: number, location: number): void {
    while (this.#shardOf(hash).full) this.#grow(hash);
    this.#shardOf(hash).add(hash, location);
    this.#count++;
  }

  clear(): void {
    this.#directory = [firstShard()];
    this.#shard = this.#shardOf(0);
    this.#shards = 1;
    this.#cells = FIRST_SLOTS;
    this.#count = 0;
    this.#spare = undefined;
  }

  #shardOf(hash: number): IndexShard {
    return this.#directory[hash & (this.#directory.length - 1)] as IndexShard;
  }

  #search(from: number): number {
    const { cells, mask } = this.#shard;
    const hash = this.#hash;
    let slot = from;
    for (;;) {
      const location = cells[slot * 2 + 1] as number;
      if (location === NOWHERE || cells[slot * 2] === hash) {
        this.#slot = slot;
        return location;
      }
      slot = (slot + 1) & mask;
    }
  }

  #grow(hash: number): void {
    const shard = this.#shardOf(hash);
    const splits =
      shard.slots >= SHARD_SLOTS_MAX &&
      this.#count >= this.#directory.length * ENTRIES_PER_SHARD_MIN;
    if (splits) this.#split(shard, hash);
    else this.#double(shard, hash);
  }

  #double(shard: IndexShard, hash: number): void {
    const larger = new IndexShard(IndexShard.cellsFor(shard.slots * 2), shard.depth);
    shard.moveTo(larger, larger, 0);
    this.#put(larger, hash);
    this.#cells += shard.slots;
  }

  #split(shard: IndexShard, hash: number): void {
    const bit = 1 << shard.depth;
    if (bit === this.#directory.length) this.#directory = [...this.#directory, ...this.#directory];
    const [low, high] = [this.#half(shard), this.#half(shard)];
    shard.moveTo(low, high, bit);
    this.#put(low, hash & ~bit);
    this.#put(high, hash | bit);
    this.#spare = shard.cells.fill(0);
    this.#shards++;
    this.#cells += shard.slots;
  }

  #half(shard: IndexShard): IndexShard {
    const spare = this.#spare?.length === shard.cells.length ? this.#spare : undefined;
    this.#spare = undefined;
    return new IndexShard(spare ?? IndexShard.cellsFor(shard.slots), shard.depth + 1);
  }

  /** Makes it the shard of all hashes with the same lower bits. */
  #put(shard: IndexShard, hash: number): void {
    const step = 1 << shard.depth;
    for (let i = hash & (step - 1); i < this.#directory.length; i += step) {
      this.#directory[i] = shard;
    }
  }
}

function firstShard(): IndexShard {
  return new IndexShard(IndexShard.cellsFor(FIRST_SLOTS), 0);
}
