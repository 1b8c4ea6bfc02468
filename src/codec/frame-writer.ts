import { frameHead } from './rpc-framing.ts';

/** The part of a socket that is written to. */
export interface FrameSink {
  readonly writable: boolean;
  readonly writableLength: number;
  cork(): void;
  uncork(): void;
  write(bytes: Buffer): boolean;
}

/** Buffers up to this size are joined before they are written. */
const JOIN_BYTES_MAX = 64 * 1_024;

/** Messages on their way to a socket: those of one turn leave together. */
export class FrameWriter {
  readonly #sink: FrameSink;
  #parts: Buffer[] = [];
  #bytes = 0;
  #scheduled = false;

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
    this.#add(frameHead(serial, length));
    for (const part of parts) this.#add(part);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  flush(): void {
    if (this.#parts.length === 0) return;
    const parts = this.#parts;
    this.#parts = [];
    this.#bytes = 0;
    if (!this.#sink.writable) return;
    this.#sink.cork();
    let small: Buffer[] = [];
    let smallBytes = 0;
    const writeSmall = () => {
      if (small.length > 0) this.#sink.write(Buffer.concat(small, smallBytes));
      small = [];
      smallBytes = 0;
    };
    for (const part of parts) {
      if (smallBytes + part.length > JOIN_BYTES_MAX) writeSmall();
      if (part.length > JOIN_BYTES_MAX) {
        this.#sink.write(part);
        continue;
      }
      small.push(part);
      smallBytes += part.length;
    }
    writeSmall();
    this.#sink.uncork();
  }

  #add(part: Buffer): void {
    this.#parts.push(part);
    this.#bytes += part.length;
  }
}
