import { connect, type Socket } from 'node:net';

/** So many connections are opened at a time: more would meet a full backlog. */
const OPENED_AT_ONCE = 250;
const KEPT_BYTES_MAX = 400;

export interface CrowdOptions {
  /** Sent at once by each. */
  readonly says?: (n: number) => Buffer | string;
  /** false: they never read. */
  readonly reads?: boolean;
}

/** Many connections that do the same. */
export class Crowd {
  readonly #sockets = new Set<Socket>();
  /** The first bytes that each heard, latin1. */
  readonly #heard = new Map<Socket, string>();
  #drips: NodeJS.Timeout | undefined;
  #opened = 0;

  /** @param address `host:port` */
  static async open(address: string, count: number, options: CrowdOptions = {}): Promise<Crowd> {
    const crowd = new Crowd();
    for (let n = 0; n < count; n += OPENED_AT_ONCE) {
      const some = Math.min(OPENED_AT_ONCE, count - n);
      await Promise.all(
        Array.from({ length: some }, (_, i) => crowd.#open(address, n + i, options)),
      );
    }
    return crowd;
  }

  /** How many could connect. */
  get opened(): number {
    return this.#opened;
  }

  /** How many are connected still. */
  get left(): number {
    return this.#sockets.size;
  }

  /** How many heard something that begins so. */
  heard(start: string): number {
    return [...this.#heard.values()].filter((text) => text.startsWith(start)).length;
  }

  /** Each sends these bytes again and again. */
  drip(bytes: string, everyMs: number): void {
    this.#drips = setInterval(() => {
      for (const socket of this.#sockets) socket.write(bytes);
    }, everyMs);
  }

  /** Breaks all of them off. */
  close(): void {
    clearInterval(this.#drips);
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  #open(address: string, n: number, { says, reads = true }: CrowdOptions): Promise<void> {
    const [host = '', port = ''] = address.split(':');
    const socket = connect({ port: Number(port), host, noDelay: true });
    return new Promise((resolve) => {
      socket.once('connect', () => {
        this.#opened++;
        this.#sockets.add(socket);
        if (reads) socket.on('data', (piece) => this.#hear(socket, piece));
        const words = says?.(n);
        if (words !== undefined) socket.write(words);
        resolve();
      });
      socket.on('error', () => {});
      socket.once('close', () => {
        this.#sockets.delete(socket);
        resolve();
      });
    });
  }

  #hear(socket: Socket, piece: Buffer): void {
    const before = this.#heard.get(socket) ?? '';
    if (before.length >= KEPT_BYTES_MAX) return;
    this.#heard.set(socket, before + piece.toString('latin1', 0, KEPT_BYTES_MAX));
  }
}
