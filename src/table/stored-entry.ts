import { type Entry, type EntryKind, NO_BYTES } from '../entry.ts';

/**
 * An entry as bytes, the same in storage and in the cache: kind (1 byte), offset and timestamp
 * (big-endian doubles, exact for integers below 2^53), then the value.
 */
const KINDS: readonly EntryKind[] = ['live', 'marker', 'unreadable'];
const OFFSET_AT = 1;
const TIMESTAMP_AT = 9;
const VALUE_AT = 17;

export function encodeEntry(entry: Entry): Buffer {
  const bytes = Buffer.allocUnsafe(VALUE_AT + entry.value.length);
  bytes[0] = KINDS.indexOf(entry.kind);
  bytes.writeDoubleBE(entry.offset, OFFSET_AT);
  bytes.writeDoubleBE(entry.timestamp, TIMESTAMP_AT);
  bytes.set(entry.value, VALUE_AT);
  return bytes;
}

/** @throws Error where the bytes are no entry. The value is a view of `bytes`. */
export function decodeEntry(bytes: Buffer): Entry {
  const kind = KINDS[bytes[0] ?? -1];
  if (kind === undefined || bytes.length < VALUE_AT) throw new Error('not a stored entry');
  return {
    kind,
    offset: bytes.readDoubleBE(OFFSET_AT),
    timestamp: bytes.readDoubleBE(TIMESTAMP_AT),
    value: bytes.length === VALUE_AT ? NO_BYTES : bytes.subarray(VALUE_AT),
  };
}

/** What the counts need of an entry: its kind and its value's length, without decoding it. */
export function summaryOf(bytes: Buffer): EntrySummary {
  return summaryAt(bytes, 0, bytes.length);
}

/** The same for a stored entry of `length` bytes that lies among others. */
export function summaryAt(bytes: Uint8Array, at: number, length: number): EntrySummary {
  const kind = length === 0 ? undefined : KINDS[bytes[at] ?? -1];
  return { kind: kind ?? 'unreadable', valueBytes: Math.max(0, length - VALUE_AT) };
}

export interface EntrySummary {
  readonly kind: EntryKind;
  readonly valueBytes: number;
}
