import type { Socket } from 'node:net';
import { PING } from '../../src/codec/rpc-calls.ts';
import { frameHead } from '../../src/codec/rpc-framing.ts';
import { encodeHandshakeRequest } from '../../src/codec/rpc-handshake.ts';
import { loadRpcProtocol } from '../../src/codec/rpc-protocol.ts';
import { connected } from '../common/sockets.ts';
import { keyOf } from '../memory/figures.ts';
import { ANSWER_FRAME_BYTES, getFrame, KEYS, SERIAL_AT } from './calls.ts';

type Done = () => void;

/** One connection with ready frames: what a call costs the server when the client costs next to nothing. */
export class RawClient {
  readonly #socket: Socket;
  readonly #frames: readonly Buffer[];
  readonly #pending = new Map<number, Done>();
  #serial = 0;
  #rest: Buffer | undefined;
  #out: Buffer[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#frames = Array.from({ length: KEYS }, (_, i) => getFrame(keyOf(i), 0));
    socket.on('data', (piece) => this.#receive(piece));
  }

  /** @param shake false for a server that only echoes */
  static async open(port: number, shake: boolean): Promise<RawClient> {
    const socket = await connected(port);
    if (shake) {
      const protocol = loadRpcProtocol();
      const payload = Buffer.concat([encodeHandshakeRequest(protocol, protocol.hash, false), PING]);
      socket.write(Buffer.concat([frameHead(0, payload.length), payload]));
      await new Promise((resolve) => socket.once('data', resolve));
    }
    return new RawClient(socket);
  }

  get(n: number, done: Done): void {
    const frame = this.#frames[n % KEYS] as Buffer;
    const serial = ++this.#serial;
    this.#pending.set(serial, done);
    // The same frame may wait in one write twice.
    const copy = Buffer.from(frame);
    copy.writeInt32BE(serial, SERIAL_AT);
    this.#out.push(copy);
    if (this.#out.length === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#socket.write(Buffer.concat(this.#out));
    this.#out = [];
  }

  #receive(piece: Buffer): void {
    const bytes = this.#rest === undefined ? piece : Buffer.concat([this.#rest, piece]);
    let at = 0;
    for (; bytes.length - at >= ANSWER_FRAME_BYTES; at += ANSWER_FRAME_BYTES) {
      const serial = bytes.readInt32BE(at + SERIAL_AT);
      const done = this.#pending.get(serial);
      this.#pending.delete(serial);
      if (done === undefined) throw new Error(`an answer to no call: ${serial}`);
      done();
    }
    this.#rest = at < bytes.length ? bytes.subarray(at) : undefined;
  }
}
