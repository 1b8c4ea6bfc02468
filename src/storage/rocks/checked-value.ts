import { crc32 } from 'node:zlib';
import { StorageError } from '../storage.ts';

const CHECKSUM_BYTES = 4;

/**
 * A value as it lies on disk: its bytes, then a checksum of key and value. The engine's iterators
 * do not verify block checksums, and a wrong value must never be read as a right one.
 */
export function withChecksum(key: Buffer, value: Buffer): Buffer {
  const stored = Buffer.allocUnsafe(value.length + CHECKSUM_BYTES);
  value.copy(stored);
  stored.writeUInt32LE(crc32(value, crc32(key)), value.length);
  return stored;
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
