import type { Socket } from 'node:net';
import { getRequest } from '../common/http-dialect.ts';
import { connected } from '../common/sockets.ts';

const EVERY_MS = 5;

/** A GET now and then, while something else keeps the node busy. Any answer will do. */
export class SlowReads {
  readonly #socket: Socket;
  readonly #latencies: number[] = [];
  readonly #timer: NodeJS.Timeout;
  #sent = 0;
  #sentAt: number | undefined;

  private constructor(socket: Socket, path: (n: number) => string) {
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('data', () => {
      // An answer of a few hundred bytes comes in one piece.
      if (this.#sentAt !== undefined) this.#latencies.push(performance.now() - this.#sentAt);
      this.#sentAt = undefined;
    });
    this.#timer = setInterval(() => {
      if (this.#sentAt !== undefined) return;
      this.#sentAt = performance.now();
      socket.write(getRequest(path(this.#sent++)));
    }, EVERY_MS);
  }

  static async start(port: number, path: (n: number) => string): Promise<SlowReads> {
    return new SlowReads(await connected(port), path);
  }

  /** Latencies, ms. */
  stop(): number[] {
    clearInterval(this.#timer);
    this.#socket.destroy();
    return this.#latencies;
  }
}
