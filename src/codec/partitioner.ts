const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** Kafka's murmur2 of some bytes, as Java's Utils.murmur2: a signed 32-bit integer. */
export function murmur2(data: Uint8Array): number {
  const length = data.length;
  let h = SEED ^ length;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    let k =
      ((data[i] as number) & 0xff) |
      ((data[i + 1] as number) << 8) |
      ((data[i + 2] as number) << 16) |
      ((data[i + 3] as number) << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    k = Math.imul(k, M);
    h = Math.imul(h, M) ^ k;
  }
  const left = length - i;
  if (left === 3) h ^= (data[i + 2] as number) << 16;
  if (left >= 2) h ^= (data[i + 1] as number) << 8;
  if (left >= 1) {
    h ^= data[i] as number;
    h = Math.imul(h, M);
  }
  h ^= h >>> 13;
  h = Math.imul(h, M);
  return h ^ (h >>> 15);
}

/** The partition of a key, as the Java producer places it: `(murmur2(key) & 0x7fffffff) mod partitions`. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return partitionOfHash(murmur2(key), partitions);
}

/** The same for a key whose murmur2 is known. */
export function partitionOfHash(hash: number, partitions: number): number {
  return (hash & 0x7fffffff) % partitions;
}
