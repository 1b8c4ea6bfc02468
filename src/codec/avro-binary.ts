/** Bytes that are no Avro of the expected shape. */
export class AvroFormatError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AvroFormatError';
  }
}

const VARINT_BYTES_MAX = 10;

/** Reads Avro binary from untrusted bytes: every length is compared with what is there first. */
export class AvroReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** An int or a long. @throws AvroFormatError also where a number cannot hold it exactly */
  long(): number {
    let raw = 0;
    let unit = 1;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = this.#byte();
      raw += (byte & 0x7f) * unit;
      if (byte < 0x80) {
        if (raw > Number.MAX_SAFE_INTEGER) break;
        return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
      }
      unit *= 128;
    }
    throw new AvroFormatError('a number is too large');
  }

  skipLong(): void {
    for (let i = 0; i < VARINT_BYTES_MAX; i++) if (this.#byte() < 0x80) return;
    throw new AvroFormatError('a number is too long');
  }

  boolean(): boolean {
    const byte = this.#byte();
    if (byte > 1) throw new AvroFormatError('a boolean is neither 0 nor 1');
    return byte === 1;
  }

  /** Bytes or a string's UTF-8, as a view of the source. */
  bytes(): Buffer {
    return this.fixed(this.long());
  }

  /** A string; what is no UTF-8 in it is replaced. */
  text(): string {
    const from = this.#pass(this.long());
    return this.#bytes.toString('utf8', from, this.#at);
  }

  /** `length` bytes, as a view of the source. */
  fixed(length: number): Buffer {
    const from = this.#pass(length);
    return this.#bytes.subarray(from, this.#at);
  }

  /** The number of items in the next block of an array or map; 0 ends it. */
  blockCount(): number {
    const count = this.long();
    if (count >= 0) return count;
    this.skipLong();
    return -count;
  }

  /** A map of bytes that nobody reads (the metadata of messages). */
  skipMeta(): void {
    for (let count = this.blockCount(); count > 0; count = this.blockCount()) {
      for (let i = 0; i < count; i++) {
        this.bytes();
        this.bytes();
      }
    }
  }

  /** Goes on by `length` and gives where it was. */
  #pass(length: number): number {
    if (length < 0 || length > this.left) {
      throw new AvroFormatError(`${length} bytes announced, ${this.left} are there`);
    }
    const from = this.#at;
    this.#at += length;
    return from;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new AvroFormatError('the bytes end too early');
    this.#at++;
    return byte;
  }
}

/** Avro's form of an int or long that is not negative and below 2^52. */
export function encodeCount(count: number): Buffer {
  const bytes = Buffer.allocUnsafe(countLength(count));
  writeCount(bytes, 0, count);
  return bytes;
}

/** How many bytes {@link writeCount} writes. */
export function countLength(count: number): number {
  let length = 1;
  for (let rest = count * 2; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
  return length;
}

/** Writes what {@link encodeCount} gives at `at`; gives where it ends. */
export function writeCount(target: Buffer, at: number, count: number): number {
  let end = at;
  let rest = count * 2;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) target[end++] = (rest % 0x80) | 0x80;
  target[end++] = rest;
  return end;
}

/** How many bytes {@link writeText} writes. */
export function textLength(text: string | Buffer): number {
  const length = Buffer.byteLength(text);
  return countLength(length) + length;
}

/** Writes Avro's form of a string, or of the one whose UTF-8 is given; gives where it ends. */
export function writeText(target: Buffer, at: number, text: string | Buffer): number {
  const length = Buffer.byteLength(text);
  const from = writeCount(target, at, length);
  if (typeof text === 'string') target.write(text, from);
  else target.set(text, from);
  return from + length;
}

/** Avro's form of bytes, or of the string whose UTF-8 they are. */
export function encodeBytes(bytes: Buffer): Buffer {
  return Buffer.concat([encodeCount(bytes.length), bytes]);
}

export function encodeString(text: string): Buffer {
  return encodeBytes(Buffer.from(text));
}
