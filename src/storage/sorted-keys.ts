const BLOCK_KEYS_MAX = 512;

/** A set of strings in code unit order, in blocks: an insert moves one block's keys, not all. */
export class SortedKeys {
  /** Never an empty block. */
  readonly #blocks: string[][] = [];

  add(key: string): void {
    const index = this.#blockOf(key);
    const block = this.#blocks[index];
    if (block === undefined) {
      this.#blocks.push([key]);
      return;
    }
    const at = lowerBound(block, key);
    if (block[at] === key) return;
    block.splice(at, 0, key);
    // Appending in order leaves full blocks behind instead of half ones.
    if (block.length > BLOCK_KEYS_MAX) {
      const half = at === block.length - 1 ? at : block.length >> 1;
      this.#blocks.splice(index + 1, 0, block.splice(half));
    }
  }

  delete(key: string): void {
    const index = this.#blockOf(key);
    const block = this.#blocks[index];
    if (block === undefined) return;
    const at = lowerBound(block, key);
    if (block[at] !== key) return;
    block.splice(at, 1);
    if (block.length === 0) this.#blocks.splice(index, 1);
  }

  /** Keys from `gte` up to below `lt`; the set must not change meanwhile. */
  *range(gte: string, lt: string, reverse: boolean): Generator<string> {
    const step = reverse ? -1 : 1;
    for (let b = this.#blockOf(reverse ? lt : gte); ; b += step) {
      const block = this.#blocks[b];
      if (block === undefined) return;
      const from = lowerBound(block, gte);
      const to = lowerBound(block, lt);
      for (let i = reverse ? to - 1 : from; i >= from && i < to; i += step) {
        const key = block[i];
        if (key !== undefined) yield key;
      }
      if (reverse ? from > 0 : to < block.length) return;
    }
  }

  /** The last block whose first key is not above `key`; the first block where there is none. */
  #blockOf(key: string): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const first = this.#blocks[middle]?.[0];
      if (first !== undefined && first <= key) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

function lowerBound(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const each = sorted[middle];
    if (each !== undefined && each < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
