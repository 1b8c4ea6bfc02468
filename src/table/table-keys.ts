/** Keys in storage: a kind byte, then fixed-width big-endian numbers, so that ranges are contiguous. */
const ENTRY = 1;
const PARTITION = 2;
const QUARANTINE = 3;

export const IDENTITY_KEY: Buffer = Buffer.from([0, 1]);

const ENTRY_PREFIX_BYTES = 7;

function prefix(kind: number, partition: number, generation: number): Buffer {
  const bytes = Buffer.allocUnsafe(ENTRY_PREFIX_BYTES);
  bytes[0] = kind;
  bytes.writeUInt16BE(partition, 1);
  bytes.writeUInt32BE(generation, 3);
  return bytes;
}

/** The place of a key's entry in one generation of a partition. */
export function entryKey(partition: number, generation: number, key: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(ENTRY_PREFIX_BYTES + key.length);
  bytes[0] = ENTRY;
  bytes.writeUInt16BE(partition, 1);
  bytes.writeUInt32BE(generation, 3);
  bytes.set(key, ENTRY_PREFIX_BYTES);
  return bytes;
}

/** The user's key of an entry's place. */
export function userKeyOf(place: Buffer): Buffer {
  return place.subarray(ENTRY_PREFIX_BYTES);
}

export interface Range {
  readonly gte: Buffer;
  readonly lt: Buffer;
}

export function entryRange(partition: number, generation: number): Range {
  return {
    gte: prefix(ENTRY, partition, generation),
    lt: prefix(ENTRY, partition, generation + 1),
  };
}

export function partitionKey(partition: number): Buffer {
  return prefix(PARTITION, partition, 0).subarray(0, 3);
}

export function quarantineKey(partition: number, generation: number, offset: number): Buffer {
  const bytes = Buffer.allocUnsafe(ENTRY_PREFIX_BYTES + 8);
  prefix(QUARANTINE, partition, generation).copy(bytes);
  bytes.writeBigUInt64BE(BigInt(offset), ENTRY_PREFIX_BYTES);
  return bytes;
}

export function quarantineRange(partition: number, generation: number): Range {
  return {
    gte: prefix(QUARANTINE, partition, generation),
    lt: prefix(QUARANTINE, partition, generation + 1),
  };
}
