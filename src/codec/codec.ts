import type { LogRecord } from '../record.ts';

/** What a record does to its key. */
export type Decoded =
  | { readonly kind: 'live'; readonly value: Buffer; readonly timestamp: number }
  | { readonly kind: 'marker'; readonly timestamp: number }
  | { readonly kind: 'unreadable'; readonly reason: string; readonly timestamp: number };

/** The value and headers of a record in the log. */
export interface EncodedRecord {
  readonly value: Buffer;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

/** Bytes in the log ↔ what they mean (contract §7). `decode` is a function of the record alone. */
export interface Codec {
  readonly name: 'raw' | 'avro';
  /** Whether a record in a partition other than its key's murmur2 one is a stray. */
  readonly checksPlacement: boolean;
  decode(record: LogRecord): Decoded;
  /** ServiceError `bad_value` where the codec cannot carry these bytes. */
  encodePut(key: string, value: Buffer): EncodedRecord;
  encodeDelete(key: string): EncodedRecord;
}
