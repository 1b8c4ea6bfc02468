const FIRST_BYTES = 1_024;
/** Up to here a loop over the characters is faster than the encoder. */
const LOOPED_MAX = 32;
/** A character is at most 3 bytes of UTF-8 per UTF-16 unit; 4 more for the zeros. */
const BYTES_PER_UNIT = 3;
const ZEROS = 4;

const encoder = new TextEncoder();

/** The one key in hand as UTF-8 bytes, also readable as words: zeros fill up the last one. */
export class KeyScratch {
  bytes: Uint8Array = new Uint8Array(FIRST_BYTES);
  words: Int32Array = new Int32Array(this.bytes.buffer);
  length = 0;

  /** @param key well-formed Unicode, or its UTF-8 */
  take(key: string | Uint8Array): void {
    const needed = key.length * BYTES_PER_UNIT + ZEROS;
    if (needed > this.bytes.length) this.#grow(needed);
    const { bytes } = this;
    this.length = typeof key === 'string' ? takeText(key, bytes) : takeBytes(key, bytes);
    for (let i = 0; i < ZEROS; i++) bytes[this.length + i] = 0;
  }

  #grow(needed: number): void {
    this.bytes = new Uint8Array(2 ** Math.ceil(Math.log2(needed)));
    this.words = new Int32Array(this.bytes.buffer);
  }
}

/** Returns the length. */
function takeText(key: string, bytes: Uint8Array): number {
  const length = key.length <= LOOPED_MAX ? takeAscii(key, bytes) : -1;
  return length >= 0 ? length : encoder.encodeInto(key, bytes).written;
}

/** Returns the length. */
function takeBytes(key: Uint8Array, bytes: Uint8Array): number {
  const { length } = key;
  if (length > LOOPED_MAX) bytes.set(key);
  else for (let i = 0; i < length; i++) bytes[i] = key[i] as number;
  return length;
}

/** The key's length, or -1 where a character is not ASCII. */
function takeAscii(key: string, bytes: Uint8Array): number {
  const { length } = key;
  for (let i = 0; i < length; i++) {
    const code = key.charCodeAt(i);
    if (code > 0x7f) return -1;
    bytes[i] = code;
  }
  return length;
}
