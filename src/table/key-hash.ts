/** A hash of a key's bytes, all 32 bits of it usable. `words` is zero from the last byte to its word's end. */
export type KeyHash = (words: Int32Array, length: number) => number;

const FINAL_ROUNDS = 3;

/**
 * HalfSipHash-1-3, as Linux has it for its tables (lib/siphash.c, `hsiphash`): who does not know the key
 * cannot choose keys that meet. Of MurmurHash keys are known that meet under every seed.
 * @param key0 32 bits of the key
 * @param key1 the other 32
 */
export function keyedHash(key0: number, key1: number): KeyHash {
  return (words, length) => {
    let v0 = key0 | 0;
    let v1 = key1 | 0;
    let v2 = 0x6c796765 ^ key0;
    let v3 = 0x74656462 ^ key1;
    const whole = length >>> 2;
    const tail = (length & 3) === 0 ? 0 : (words[whole] as number);
    // A round for each whole word, one for the tail with the length.
    const compressed = whole + 1;
    const end = compressed + FINAL_ROUNDS;
    for (let i = 0; i < end; i++) {
      const word = i < whole ? (words[i] as number) : i === whole ? (length << 24) | tail : 0;
      if (i === compressed) v2 ^= 0xff;
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    return v1 ^ v3;
  };
}
