import type { KeyScratch } from './key-scratch.ts';

/**
 * An entry in a segment, from a multiple of 8 bytes on: three words (the key's hash; the key's
 * length and two flags; the stored entry's length), then the key and the stored entry.
 */
const HEADER_BYTES = 12;
const ALIGNED_TO = 8;
const WORD_SHIFT = 2;
const READ_FLAG = 1 << 31;
const DEAD_FLAG = 1 << 30;
const LENGTH_MASK = DEAD_FLAG - 1;
/** Up to here a loop is faster than a call. */
const LOOPED_BYTES_MAX = 32;
const LOOPED_WORDS_MAX = 64;

/** What an entry takes in a segment. */
export function entryBytes(keyBytes: number, storedBytes: number): number {
  return (HEADER_BYTES + keyBytes + storedBytes + ALIGNED_TO - 1) & -ALIGNED_TO;
}

/** A piece of the log that entries lie in, one behind another. Offsets (`at`) are multiples of 8 bytes. */
export class Segment {
  readonly id: number;
  /** Whether it was made for one large entry. */
  readonly large: boolean;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  /** Bytes with entries in them, dead ones included. */
  used = 0;
  /** Of these, bytes of entries that no longer count. */
  dead = 0;
  older: Segment | undefined;
  newer: Segment | undefined;

  constructor(id: number, capacity: number, large: boolean) {
    this.id = id;
    this.large = large;
    this.bytes = new Uint8Array(capacity);
    this.words = new Int32Array(this.bytes.buffer);
  }

  get capacity(): number {
    return this.bytes.length;
  }

  /** The room was checked. */
  write(at: number, hash: number, key: KeyScratch, stored: Uint8Array): void {
    const { words, bytes } = this;
    const word = at >> WORD_SHIFT;
    const { length } = key;
    words[word] = hash;
    words[word + 1] = length;
    words[word + 2] = stored.length;
    copy(key.bytes, 0, bytes, at + HEADER_BYTES, length);
    bytes.set(stored, at + HEADER_BYTES + length);
  }

  /** Another entry of the same size for the same key. Counts as read: it is in use. */
  overwrite(at: number, stored: Uint8Array): void {
    const word = at >> WORD_SHIFT;
    this.words[word + 1] = (this.words[word + 1] as number) | READ_FLAG;
    this.words[word + 2] = stored.length;
    this.bytes.set(stored, at + HEADER_BYTES + this.keyLength(at));
  }

  hash(at: number): number {
    return this.words[at >> WORD_SHIFT] as number;
  }

  keyLength(at: number): number {
    return (this.words[(at >> WORD_SHIFT) + 1] as number) & LENGTH_MASK;
  }

  storedLength(at: number): number {
    return this.words[(at >> WORD_SHIFT) + 2] as number;
  }

  /** Where the stored entry begins. */
  storedAt(at: number): number {
    return at + HEADER_BYTES + this.keyLength(at);
  }

  size(at: number): number {
    return entryBytes(this.keyLength(at), this.storedLength(at));
  }

  isDead(at: number): boolean {
    return ((this.words[(at >> WORD_SHIFT) + 1] as number) & DEAD_FLAG) !== 0;
  }

  setDead(at: number): void {
    const word = (at >> WORD_SHIFT) + 1;
    this.words[word] = (this.words[word] as number) | DEAD_FLAG;
  }

  isRead(at: number): boolean {
    return (this.words[(at >> WORD_SHIFT) + 1] as number) < 0;
  }

  setRead(at: number, read: boolean): void {
    const word = (at >> WORD_SHIFT) + 1;
    const flags = this.words[word] as number;
    this.words[word] = read ? flags | READ_FLAG : flags & ~READ_FLAG;
  }

  hasKey(at: number, key: KeyScratch): boolean {
    const { length } = key;
    if (this.keyLength(at) !== length) return false;
    const { words, bytes } = this;
    const whole = length >> WORD_SHIFT;
    const first = (at + HEADER_BYTES) >> WORD_SHIFT;
    for (let i = 0; i < whole; i++) {
      if (words[first + i] !== key.words[i]) return false;
    }
    for (let i = whole << WORD_SHIFT; i < length; i++) {
      if (bytes[at + HEADER_BYTES + i] !== key.bytes[i]) return false;
    }
    return true;
  }

  /** A copy of the stored entry: the segment's bytes are moved and overwritten. */
  stored(at: number): Buffer {
    const from = this.storedAt(at);
    const length = this.storedLength(at);
    const made = Buffer.allocUnsafe(length);
    copy(this.bytes, from, made, 0, length);
    return made;
  }

  /** Moves an entry to the front; it may overlap with itself. */
  move(at: number, to: number, size: number): void {
    const { words } = this;
    const from = at >> WORD_SHIFT;
    const target = to >> WORD_SHIFT;
    const count = size >> WORD_SHIFT;
    if (count > LOOPED_WORDS_MAX) words.copyWithin(target, from, from + count);
    else for (let i = 0; i < count; i++) words[target + i] = words[from + i] as number;
  }
}

function copy(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  length: number,
): void {
  if (length > LOOPED_BYTES_MAX) target.set(source.subarray(from, from + length), to);
  else for (let i = 0; i < length; i++) target[to + i] = source[from + i] as number;
}
