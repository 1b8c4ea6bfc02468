/** Reads what RocksDB writes, from a place on. What lies beyond the end reads as nothing, and `failed` is set. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at: number;
  failed = false;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get done(): boolean {
    return this.failed || this.#at >= this.#bytes.length;
  }

  /** A number of 7 bits a byte, the lowest first. */
  varint(): number {
    let value = 0;
    for (let factor = 1; factor <= Number.MAX_SAFE_INTEGER; factor *= 128) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) break;
      this.#at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    this.failed = true;
    return 0;
  }

  /** A number of 1 to 6 bytes, the lowest first. */
  fixed(size: number): number {
    const taken = this.bytes(size);
    return this.failed ? 0 : taken.readUIntLE(0, size);
  }

  bytes(size: number): Buffer {
    const end = this.#at + size;
    if (end > this.#bytes.length) this.failed = true;
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** Bytes with their length before them. */
  field(): Buffer {
    return this.bytes(this.varint());
  }
}
