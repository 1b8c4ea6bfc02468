import type { Figure } from '../frame/bench.ts';

export const KEY_BYTES = 16;
export const VALUE_BYTES = 100;
/** Sizes of values that differ, around the common one. */
export const VARIED_BYTES_MIN = 50;
export const VARIED_BYTES_MAX = 150;

export const FIGURES: readonly Figure[] = [
  { name: 'new', unit: 'B/entry' },
  { name: 'new, of key and value', unit: 'x', digits: 2 },
  { name: 'overwritten', unit: 'x', digits: 2 },
  { name: 'sizes varied', unit: 'x', digits: 2 },
  { name: 'fill', unit: 'ns' },
  { name: 'get', unit: 'ns' },
  { name: 'miss', unit: 'ns' },
  { name: 'overwrite', unit: 'ns' },
  { name: 'overwrite varied', unit: 'ns' },
  { name: 'stall', unit: 'ms', digits: 1 },
  { name: 'gc p99', unit: 'ms', digits: 1 },
  { name: 'gc max', unit: 'ms', digits: 1 },
];

/** `number` as 16 characters. */
export function keyOf(number: number): string {
  return `key-${100_000_000_000 + number}`;
}

/** The same numbers below `below` in every run. */
export function numbersBelow(below: number): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return Math.floor(((state >>> 0) / 2 ** 32) * below);
  };
}
