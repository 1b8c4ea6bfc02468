/** Cells of a shard: two numbers each, the hash and the location; a location of 0 is a free cell. */
const CELL_NUMBERS = 2;
export const CELL_BYTES: number = CELL_NUMBERS * Int32Array.BYTES_PER_ELEMENT;

/**
 * A hash table of locations: open addressing, the next cell where one is taken. The upper bits of a
 * hash choose the cell, its lower bits have chosen the shard.
 */
export class IndexShard {
  readonly cells: Int32Array;
  readonly mask: number;
  /** Turns a hash into its cell. */
  readonly shift: number;
  /** How many lower bits of the hashes are the same in the whole shard. */
  readonly depth: number;
  count = 0;

  /** @param cells all free, a power of two and at least 2 of them */
  constructor(cells: Int32Array, depth: number) {
    const slots = cells.length / CELL_NUMBERS;
    this.cells = cells;
    this.mask = slots - 1;
    this.shift = Math.clz32(slots) + 1;
    this.depth = depth;
  }

  static cellsFor(slots: number): Int32Array {
    return new Int32Array(slots * CELL_NUMBERS);
  }

  get slots(): number {
    return this.mask + 1;
  }

  /** Three quarters are taken: beyond, searches get long. */
  get full(): boolean {
    return (this.count + 1) * 4 > (this.mask + 1) * 3;
  }

  /** There must be room. */
  add(hash: number, location: number): void {
    const { cells, mask } = this;
    let slot = hash >>> this.shift;
    while (cells[slot * 2 + 1] !== 0) slot = (slot + 1) & mask;
    cells[slot * 2] = hash;
    cells[slot * 2 + 1] = location;
    this.count++;
  }

  /** Closes the gap with those that come after it, so that no search ends early. */
  removeAt(slot: number): void {
    const { cells, mask, shift } = this;
    let gap = slot;
    for (let next = (gap + 1) & mask; cells[next * 2 + 1] !== 0; next = (next + 1) & mask) {
      const home = (cells[next * 2] as number) >>> shift;
      if (((next - home) & mask) < ((next - gap) & mask)) continue;
      cells[gap * 2] = cells[next * 2] as number;
      cells[gap * 2 + 1] = cells[next * 2 + 1] as number;
      gap = next;
    }
    cells[gap * 2 + 1] = 0;
    this.count--;
  }

  /** Hands its cells to `low` or `high`, as the bit of the hash says. */
  moveTo(low: IndexShard, high: IndexShard, bit: number): void {
    const { cells } = this;
    for (let i = 0; i < cells.length; i += CELL_NUMBERS) {
      const location = cells[i + 1] as number;
      if (location === 0) continue;
      const hash = cells[i] as number;
      ((hash & bit) === 0 ? low : high).add(hash, location);
    }
  }
}
