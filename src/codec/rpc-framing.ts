import { NO_BYTES } from '../entry.ts';

/**
 * The framing of Java's NettyTransceiver: int32 serial, int32 count, count × (int32 length, bytes),
 * big endian. A peer may split a message into any number of parts, up to `PARTS_MAX`.
 */
export const PARTS_MAX = 4_096;
const HEAD_BYTES = 8;
const LENGTH_BYTES = 4;
/** Before a message that is sent as one part. */
export const FRAME_HEAD_BYTES: number = HEAD_BYTES + LENGTH_BYTES;
const BODY_BYTES_MIN = 1_024;

/** Bytes that are no frame, or one over the bounds: the connection is of no further use. */
export class FramingError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FramingError';
  }
}

export interface Message {
  /** Signed, the whole 32-bit range; an answer carries its call's. */
  readonly serial: number;
  /** The parts, joined. May be a view of the bytes that were pushed. */
  readonly payload: Buffer;
}

/** Bytes in, messages out, however the bytes were split. Holds no more than twice what arrived. */
export class FrameDecoder {
  readonly #messageBytesMax: number;
  readonly #chunks: Buffer[] = [];
  #at = 0;
  #unread = 0;
  #completed = 0;

  #inMessage = false;
  #serial = 0;
  #partsLeft = 0;
  /** Of the part under way; undefined: its length comes next. */
  #partLeft: number | undefined;
  #announced = 0;
  #body = NO_BYTES;
  #filled = 0;

  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax;
  }

  /** Messages handed out so far. */
  get completed(): number {
    return this.#completed;
  }

  /** Whether a frame has begun and not ended. Means something once `next` gave undefined. */
  get partial(): boolean {
    return this.#inMessage || this.#unread > 0;
  }

  /** Bytes of memory in use. */
  get held(): number {
    return this.#unread + this.#body.length;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#unread += chunk.length;
  }

  /** The next whole message. @throws FramingError, after which the decoder is of no use */
  next(): Message | undefined {
    if (!this.#inMessage && !this.#readHead()) return undefined;
    while (this.#partsLeft > 0) {
      if (this.#partLeft === undefined && !this.#readLength()) return undefined;
      const left = this.#partLeft ?? 0;
      const whole = this.#wholeView(left);
      if (whole !== undefined) return this.#finish(whole);
      if (!this.#fill(left)) return undefined;
      this.#partLeft = undefined;
      this.#partsLeft--;
    }
    return this.#finish(this.#body.subarray(0, this.#filled));
  }

  #readHead(): boolean {
    if (this.#unread < HEAD_BYTES) return false;
    this.#serial = this.#int32();
    const count = this.#int32();
    if (count < 1 || count > PARTS_MAX) throw new FramingError(`a frame of ${count} parts`);
    this.#partsLeft = count;
    this.#announced = 0;
    this.#inMessage = true;
    return true;
  }

  #readLength(): boolean {
    if (this.#unread < LENGTH_BYTES) return false;
    const length = this.#int32();
    if (length < 0) throw new FramingError(`a part of ${length} bytes`);
    this.#announced += length;
    if (this.#announced > this.#messageBytesMax) {
      throw new FramingError(
        `a message of at least ${this.#announced} bytes, ${this.#messageBytesMax} are allowed`,
      );
    }
    this.#partLeft = length;
    return true;
  }

  /** The last part as a view, where nothing came before it and it lies in one chunk. */
  #wholeView(length: number): Buffer | undefined {
    const chunk = this.#chunks[0];
    if (this.#filled > 0 || this.#partsLeft !== 1 || chunk === undefined) return undefined;
    if (chunk.length - this.#at < length) return undefined;
    const view = chunk.subarray(this.#at, this.#at + length);
    this.#advance(length);
    return view;
  }

  /** Takes over what is there of a part; true once it is whole. */
  #fill(length: number): boolean {
    let left = length;
    while (left > 0 && this.#unread > 0) {
      const chunk = this.#chunks[0] as Buffer;
      const taken = Math.min(left, chunk.length - this.#at);
      this.#reserve(taken);
      chunk.copy(this.#body, this.#filled, this.#at, this.#at + taken);
      this.#filled += taken;
      left -= taken;
      this.#advance(taken);
    }
    this.#partLeft = left;
    return left === 0;
  }

  #reserve(bytes: number): void {
    const needed = this.#filled + bytes;
    if (needed <= this.#body.length) return;
    // Allocated by what arrived, never by what a length announces.
    const size = Math.min(Math.max(needed, this.#body.length * 2, BODY_BYTES_MIN), this.#bodyMax());
    const larger = Buffer.allocUnsafeSlow(size);
    this.#body.copy(larger, 0, 0, this.#filled);
    this.#body = larger;
  }

  #bodyMax(): number {
    return Math.max(this.#messageBytesMax, BODY_BYTES_MIN);
  }

  #finish(payload: Buffer): Message {
    const message = { serial: this.#serial, payload };
    this.#inMessage = false;
    this.#partLeft = undefined;
    this.#partsLeft = 0;
    this.#body = NO_BYTES;
    this.#filled = 0;
    this.#completed++;
    return message;
  }

  /** Only where four bytes are there. */
  #int32(): number {
    const chunk = this.#chunks[0] as Buffer;
    if (chunk.length - this.#at >= 4) {
      const value = chunk.readInt32BE(this.#at);
      this.#advance(4);
      return value;
    }
    let value = 0;
    for (let i = 0; i < 4; i++) {
      value = (value << 8) | ((this.#chunks[0] as Buffer)[this.#at] as number);
      this.#advance(1);
    }
    return value;
  }

  #advance(bytes: number): void {
    this.#at += bytes;
    this.#unread -= bytes;
    if (this.#at === (this.#chunks[0] as Buffer).length && bytes > 0) {
      this.#chunks.shift();
      this.#at = 0;
    }
  }
}

/** What goes before the `length` bytes of a message that is sent as one part. */
export function frameHead(serial: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES);
  writeFrameHead(head, 0, serial, length);
  return head;
}

/** Writes a {@link frameHead} at `at`; gives where it ends. */
export function writeFrameHead(target: Buffer, at: number, serial: number, length: number): number {
  target.writeInt32BE(serial, at);
  target.writeInt32BE(1, at + 4);
  return target.writeInt32BE(length, at + 8);
}
