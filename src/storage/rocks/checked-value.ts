import { crc32 } from 'node:zlib';
import { StorageError } from '../storage.ts';

const CHECKSUM_BYTES = 4;
/** Larger values get room of their own. */
const SHARED_BYTES_MAX = 4_096;

/**
 * A value as it lies on disk: its bytes, then a checksum of key and value. The engine's iterators
 * do not verify block checksums, and a wrong value must never be read as a right one.
 */
export function withChecksum(key: Buffer, value: Buffer): Buffer {
  const stored = Buffer.allocUnsafe(value.length + CHECKSUM_BYTES);
  fill(stored, key, value);
  return stored;
}

/** Makes values as `withChecksum` does, one after the other in the same room: a batch leaves no garbage. */
export class StoredValues {
  readonly #bytes = Buffer.allocUnsafeSlow(SHARED_BYTES_MAX);
  /** The room's beginning, by length: making a view costs as much as filling it. */
  readonly #views: Buffer[] = [];

  /** The bytes are good until the next call. */
  of(key: Buffer, value: Buffer): Buffer {
    const length = value.length + CHECKSUM_BYTES;
    if (length > SHARED_BYTES_MAX) return withChecksum(key, value);
    const stored = this.#views[length] ?? this.#bytes.subarray(0, length);
    this.#views[length] = stored;
    fill(stored, key, value);
    return stored;
  }
}

/** The value in stored bytes; StorageError `corrupt` where the checksum says otherwise. */
export function checkedValue(key: Buffer, stored: Buffer): Buffer {
  const length = stored.length - CHECKSUM_BYTES;
  if (length > 0) {
    const value = stored.subarray(0, length);
    if (crc32(value, crc32(key)) === stored.readUInt32LE(length)) return value;
  }
  throw new StorageError('a stored value does not match its checksum', undefined, 'corrupt');
}

function fill(stored: Buffer, key: Buffer, value: Buffer): void {
  stored.set(value);
  stored.writeUInt32LE(crc32(value, crc32(key)), value.length);
}
