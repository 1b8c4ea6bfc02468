import type { LogHeader, LogRecord } from '../../record.ts';
import type { AppendRequest } from '../wal.ts';

/**
 * The embedded log in its storage:
 * `m` → identity · `t` partition(4) → end(8) timestamp(8) of its last record · `r` partition(4)
 * offset(8) → record · `k` partition(4) key → offset(8) of the key's one record. Numbers big endian, so
 * that the order of bytes is the order of offsets.
 */
export const META_KEY: Buffer = Buffer.from('m');

const RECORD = 0x72;
const INDEX = 0x6b;
const TAIL = 0x74;
const RECORD_KEY_BYTES = 13;
const INDEX_PREFIX_BYTES = 5;
const OFFSET_BYTES = 8;
const RECORD_FORMAT = 1;
/** format(1) timestamp(8) key length(4) header count(2) */
const FIXED_BYTES = 15;
/** name length(2) value length(4) */
const HEADER_BYTES = 6;

export function recordKey(partition: number, offset: number): Buffer {
  const key = Buffer.allocUnsafe(RECORD_KEY_BYTES);
  key.writeUInt8(RECORD, 0);
  key.writeUInt32BE(partition, 1);
  key.writeBigUInt64BE(BigInt(offset), 5);
  return key;
}

export function offsetOfRecordKey(key: Buffer): number {
  return Number(key.readBigUInt64BE(5));
}

/** Holds all records of a partition from one offset up to below another one. */
export function recordRange(partition: number, from: number, to: number) {
  return { gte: recordKey(partition, from), lt: recordKey(partition, to) };
}

export function indexKey(partition: number, key: Buffer): Buffer {
  const index = Buffer.allocUnsafe(INDEX_PREFIX_BYTES + key.length);
  index.writeUInt8(INDEX, 0);
  index.writeUInt32BE(partition, 1);
  key.copy(index, INDEX_PREFIX_BYTES);
  return index;
}

export function tailKey(partition: number): Buffer {
  const key = Buffer.allocUnsafe(INDEX_PREFIX_BYTES);
  key.writeUInt8(TAIL, 0);
  key.writeUInt32BE(partition, 1);
  return key;
}

export function encodeTail({ offset, timestamp }: LogRecord): Buffer {
  const bytes = Buffer.allocUnsafe(OFFSET_BYTES + 8);
  bytes.writeBigUInt64BE(BigInt(offset + 1));
  bytes.writeDoubleBE(timestamp, OFFSET_BYTES);
  return bytes;
}

export function decodeTail(bytes: Buffer): { readonly end: number; readonly timestamp: number } {
  return { end: Number(bytes.readBigUInt64BE()), timestamp: bytes.readDoubleBE(OFFSET_BYTES) };
}

export function encodeOffset(offset: number): Buffer {
  const bytes = Buffer.allocUnsafe(OFFSET_BYTES);
  bytes.writeBigUInt64BE(BigInt(offset));
  return bytes;
}

export function decodeOffset(bytes: Buffer): number {
  return Number(bytes.readBigUInt64BE());
}

/** The record that an append makes, as readers get it. */
export function recordOf(request: AppendRequest, offset: number, timestamp: number): LogRecord {
  const { partition, key, value } = request;
  const headers = request.headers.map((each) => ({
    name: each.name,
    value: Buffer.from(each.value, 'latin1'),
  }));
  return { partition, offset, timestamp, key, value, headers };
}

export function encodeRecord(record: LogRecord): Buffer {
  const key = record.key ?? Buffer.alloc(0);
  const value = record.value ?? Buffer.alloc(0);
  const names = record.headers.map(({ name }) => Buffer.from(name));
  const headerBytes = record.headers.reduce(
    (sum, header, i) => sum + HEADER_BYTES + (names[i]?.length ?? 0) + header.value.length,
    0,
  );
  const bytes = Buffer.allocUnsafe(FIXED_BYTES + headerBytes + key.length + value.length);
  let at = bytes.writeUInt8(RECORD_FORMAT, 0);
  at = bytes.writeDoubleBE(record.timestamp, at);
  at = bytes.writeUInt32BE(key.length, at);
  at = bytes.writeUInt16BE(record.headers.length, at);
  for (const [i, header] of record.headers.entries()) {
    const name = names[i] ?? Buffer.alloc(0);
    at = bytes.writeUInt16BE(name.length, at);
    at = bytes.writeUInt32BE(header.value.length, at);
    at += name.copy(bytes, at);
    at += header.value.copy(bytes, at);
  }
  at += key.copy(bytes, at);
  value.copy(bytes, at);
  return bytes;
}

/** @throws RangeError or Error for bytes that no version of ours has written. */
export function decodeRecord(partition: number, offset: number, bytes: Buffer): LogRecord {
  const format = bytes.readUInt8(0);
  if (format !== RECORD_FORMAT) throw new Error(`record format ${format} is not known`);
  const timestamp = bytes.readDoubleBE(1);
  const keyLength = bytes.readUInt32BE(9);
  const headerCount = bytes.readUInt16BE(13);
  let at = FIXED_BYTES;
  const headers: LogHeader[] = [];
  for (let i = 0; i < headerCount; i += 1) {
    const nameLength = bytes.readUInt16BE(at);
    const valueLength = bytes.readUInt32BE(at + 2);
    const nameAt = at + HEADER_BYTES;
    at = nameAt + nameLength + valueLength;
    headers.push({
      name: bytes.toString('utf8', nameAt, nameAt + nameLength),
      value: bytes.subarray(nameAt + nameLength, at),
    });
  }
  if (at + keyLength > bytes.length) throw new RangeError('the record is cut short');
  const key = bytes.subarray(at, at + keyLength);
  return { partition, offset, timestamp, key, value: bytes.subarray(at + keyLength), headers };
}

/** What a record costs while it is kept in memory. */
export function recordBytes(record: LogRecord): number {
  return (record.key?.length ?? 0) + (record.value?.length ?? 0);
}
