/** Where a record stands in the log: its partition and offset (an integer below 2^53). */
export interface Version {
  readonly partition: number;
  readonly offset: number;
}

/**
 * What a key's newest record made of it.
 * `live`: a value · `marker`: deleted · `unreadable`: a record that this version cannot read.
 */
export type EntryKind = 'live' | 'marker' | 'unreadable';

export interface Entry {
  readonly kind: EntryKind;
  /** Offset of the record that made the entry, in its key's partition. */
  readonly offset: number;
  /** The log's append time of that record, ms since 1970; the codec's own where the log has none. */
  readonly timestamp: number;
  /** live: the value's bytes · marker: empty · unreadable: the reason, UTF-8. */
  readonly value: Buffer;
}

export const NO_BYTES: Buffer = Buffer.alloc(0);

/** `<partition>:<offset>`, the form of a version or a position in headers and JSON. */
export function formatVersion(partition: number, offset: number): string {
  return `${partition}:${offset}`;
}

const VERSION_FORM = /^(0|[1-9]\d{0,8}):(0|[1-9]\d{0,15})$/;

/** The version that a text names, or undefined where it names none. */
export function parseVersion(text: string): Version | undefined {
  const match = VERSION_FORM.exec(text);
  if (match === null) return undefined;
  const offset = Number(match[2]);
  return Number.isSafeInteger(offset) ? { partition: Number(match[1]), offset } : undefined;
}
