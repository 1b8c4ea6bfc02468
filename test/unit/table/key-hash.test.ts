import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keyedHash } from '../../../src/table/key-hash.ts';
import { KeyScratch } from '../../../src/table/key-scratch.ts';

/** Linux, lib/tests/siphash_kunit.c, `test_vectors_hsiphash` for 32 bits: of the bytes 0, 1, ... so many as the place says. */
const VECTORS = [
  0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6,
  0x577999b1, 0xc839caed,
];
/** One in the place of the other changes no MurmurHash3 (32 bits), whatever its seed and what stands around them. */
const TWINS = ['q\x11u\x18\x1f9r-', '\x19pT#\x1f9#i'] as const;
const PLACES = 10;

describe('the hash of keys', () => {
  const scratch = new KeyScratch();
  const hashed = (hash: ReturnType<typeof keyedHash>, key: string | Uint8Array) => {
    scratch.take(key);
    return hash(scratch.words, scratch.length) >>> 0;
  };

  it('is HalfSipHash-1-3', () => {
    const hash = keyedHash(0x03020100, 0x07060504);
    const found = VECTORS.map((_, length) =>
      hashed(
        hash,
        Uint8Array.from({ length }, (_, i) => i),
      ),
    );
    assert.deepEqual(found, VECTORS);
  });

  it('does not let one choose keys that meet', () => {
    const hash = keyedHash(1, 2);
    const met = new Set<number>();
    for (let n = 0; n < 2 ** PLACES; n++) {
      const key = Array.from({ length: PLACES }, (_, place) => TWINS[((n >> place) & 1) as 0 | 1]);
      met.add(hashed(hash, key.join('')));
    }
    assert.ok(met.size > 0.99 * 2 ** PLACES, `${met.size} hashes of ${2 ** PLACES} keys`);
  });
});
