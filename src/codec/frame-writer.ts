import { FRAME_HEAD_BYTES, frameHead, writeFrameHead } from './rpc-framing.ts';

/** The part of a socket that is written to. */
export interface FrameSink {
  readonly writable: boolean;
  readonly writableLength: number;
  cork(): void;
  uncork(): void;
  write(bytes: Buffer): boolean;
}

/** Frames up to this size are joined before they are written. */
const JOIN_BYTES_MAX = 64 * 1_024;

interface Frame {
  readonly serial: number;
  readonly parts: readonly Buffer[];
  /** Of the parts. */
  readonly length: number;
}

/** Messages on their way to a socket: those of one turn leave together. */
export class FrameWriter {
  readonly #sink: FrameSink;
  #frames: Frame[] = [];
  #bytes = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Bytes that the other side has not taken yet. */
  get unsent(): number {
    return this.#bytes + this.#sink.writableLength;
  }

  /** One message; its payload is `parts` joined. */
  send(serial: number, parts: readonly Buffer[]): void {
    let length = 0;
    for (const part of parts) length += part.length;
    if (this.#frames.push({ serial, parts, length }) === 1) queueMicrotask(() => this.flush());
    this.#bytes += FRAME_HEAD_BYTES + length;
  }

  flush(): void {
    const [frames, bytes] = [this.#frames, this.#bytes];
    if (frames.length === 0) return;
    this.#frames = [];
    this.#bytes = 0;
    if (!this.#sink.writable) return;
    if (bytes <= JOIN_BYTES_MAX) this.#sink.write(inOne(frames, bytes));
    else this.#writeMany(frames);
  }

  #writeMany(frames: readonly Frame[]): void {
    this.#sink.cork();
    let small: Frame[] = [];
    let smallBytes = 0;
    const writeSmall = () => {
      if (small.length > 0) this.#sink.write(inOne(small, smallBytes));
      small = [];
      smallBytes = 0;
    };
    for (const frame of frames) {
      const bytes = FRAME_HEAD_BYTES + frame.length;
      if (smallBytes + bytes > JOIN_BYTES_MAX) writeSmall();
      if (bytes > JOIN_BYTES_MAX) {
        this.#writeLarge(frame);
        continue;
      }
      small.push(frame);
      smallBytes += bytes;
    }
    writeSmall();
    this.#sink.uncork();
  }

  /** Not copied once more. */
  #writeLarge({ serial, parts, length }: Frame): void {
    this.#sink.write(frameHead(serial, length));
    for (const part of parts) this.#sink.write(part);
  }
}

function inOne(frames: readonly Frame[], bytes: number): Buffer {
  const all = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const { serial, parts, length } of frames) {
    at = writeFrameHead(all, at, serial, length);
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
  }
  return all;
}
