/** A hash of a key's bytes, all 32 bits of it usable. `words` is zero from the last byte to its word's end. */
export type KeyHash = (words: Int32Array, length: number, seed: number) => number;

const C1 = 0xcc9e2d51 | 0;
const C2 = 0x1b873593;
const ADDED = 0xe6546b64 | 0;
const MIXED_1 = 0x85ebca6b | 0;
const MIXED_2 = 0xc2b2ae35 | 0;

/** MurmurHash3 (32 bits) in the byte order of the machine: it never leaves the process. */
export function hashKey(words: Int32Array, length: number, seed: number): number {
  let h = seed;
  const count = (length + 3) >>> 2;
  for (let i = 0; i < count; i++) {
    let k = Math.imul(words[i] as number, C1);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, C2);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + ADDED) | 0;
  }
  h ^= length;
  h = Math.imul(h ^ (h >>> 16), MIXED_1);
  h = Math.imul(h ^ (h >>> 13), MIXED_2);
  return h ^ (h >>> 16);
}
