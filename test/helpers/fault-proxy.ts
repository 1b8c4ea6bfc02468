import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface FaultProxyTarget {
  readonly host: string;
  readonly port: number;
}

/** `up`: from the client to the target · `down`: back. */
export type FaultDirection = 'up' | 'down' | 'both';

interface Faults {
  refusing: boolean;
  readonly swallowing: { up: boolean; down: boolean };
  delayMs: number;
  bytesPerSecond: number;
}

interface Link {
  readonly client: Socket;
  readonly target: Socket;
}

const NO_LIMIT = Number.POSITIVE_INFINITY;
const HELD_BYTES_MAX = 1024 * 1024;

/** A TCP proxy on loopback that fails on request. Faults hold for open and new connections alike. */
export class FaultProxy {
  /** Connections taken, and bytes that were passed on, since the start. */
  readonly counters = { accepted: 0, refused: 0, bytesUp: 0, bytesDown: 0 };
  readonly #server: Server;
  #target: FaultProxyTarget;
  readonly #links = new Set<Link>();
  readonly #faults: Faults = {
    refusing: false,
    swallowing: { up: false, down: false },
    delayMs: 0,
    bytesPerSecond: NO_LIMIT,
  };
  #port = 0;

  private constructor(target: FaultProxyTarget) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
  }

  static async open(options: {
    readonly target: FaultProxyTarget;
    /** 0: any free one. */
    readonly port?: number;
    /** Where it listens; 127.0.0.1 unless given. */
    readonly host?: string;
  }): Promise<FaultProxy> {
    const proxy = new FaultProxy(options.target);
    await proxy.#listen(options.port ?? 0, options.host ?? '127.0.0.1');
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  get connections(): number {
    return this.#links.size;
  }

  /** Ends all connections and resets new ones at once: a process that is gone. */
  cut(): void {
    this.#faults.refusing = true;
    for (const link of this.#links) destroyLink(link);
  }

  /** Resets all connections (RST); new ones are taken. */
  reset(): void {
    for (const { client, target } of this.#links) {
      client.resetAndDestroy();
      target.resetAndDestroy();
    }
  }

  /**
   * Connections stay open and are taken, and what is sent is lost: a cable that is pulled. Bytes of
   * a stream are missing afterwards, so healing ends the connections that lost some.
   */
  blackhole(direction: FaultDirection = 'both'): void {
    this.#faults.swallowing.up = direction !== 'down';
    this.#faults.swallowing.down = direction !== 'up';
  }

  /** Holds all bytes back for `ms`, each way. */
  delay(ms: number): void {
    this.#faults.delayMs = ms;
  }

  /** Passes on at most this much, for each connection and each way. */
  rate(bytesPerSecond: number): void {
    this.#faults.bytesPerSecond = bytesPerSecond;
  }

  /** Ends all connections; new ones go to another target: something else under the same address. */
  retarget(target: FaultProxyTarget): void {
    this.#target = target;
    for (const link of this.#links) destroyLink(link);
  }

  /** Ends all faults. */
  heal(): void {
    const { swallowing } = this.#faults;
    if (swallowing.up || swallowing.down) for (const link of this.#links) destroyLink(link);
    this.#faults.refusing = false;
    this.#faults.swallowing.up = false;
    this.#faults.swallowing.down = false;
    this.#faults.delayMs = 0;
    this.#faults.bytesPerSecond = NO_LIMIT;
  }

  async close(): Promise<void> {
    this.cut();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #listen(port: number, host: string): Promise<void> {
    this.#server.listen({ port, host });
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no TCP address');
    this.#port = address.port;
  }

  #accept(client: Socket): void {
    client.on('error', () => {});
    if (this.#faults.refusing) {
      this.counters.refused++;
      client.resetAndDestroy();
      return;
    }
    this.counters.accepted++;
    const target = connect({ ...this.#target, allowHalfOpen: true });
    const link: Link = { client, target };
    this.#links.add(link);
    target.on('error', () => {});
    for (const socket of [client, target]) {
      socket.setNoDelay(true);
      socket.once('close', () => {
        this.#links.delete(link);
        destroyLink(link);
      });
    }
    this.#pump(client, target, 'up');
    this.#pump(target, client, 'down');
  }

  /** Moves bytes one way, in order, each chunk when it is due; a slow taker slows the giver. */
  #pump(from: Socket, to: Socket, way: 'up' | 'down'): void {
    let held = 0;
    let last = Promise.resolve();
    from.on('data', (chunk: Buffer) => {
      const due = performance.now() + this.#faults.delayMs;
      held += chunk.length;
      if (held > HELD_BYTES_MAX) from.pause();
      last = last
        .then(() => this.#deliver(chunk, to, way, due))
        .catch(() => void to.destroy())
        .then(() => {
          held -= chunk.length;
          if (held <= HELD_BYTES_MAX) from.resume();
        });
    });
    from.once('end', () => {
      last = last.then(() => {
        if (!this.#faults.swallowing[way]) to.end();
      });
    });
  }

  async #deliver(chunk: Buffer, to: Socket, way: 'up' | 'down', due: number): Promise<void> {
    const wait = due - performance.now();
    if (wait > 0) await pause(wait);
    if (this.#faults.swallowing[way]) return;
    const { bytesPerSecond } = this.#faults;
    if (bytesPerSecond === NO_LIMIT) await write(to, chunk);
    else await this.#trickle(chunk, to, bytesPerSecond);
    this.counters[way === 'up' ? 'bytesUp' : 'bytesDown'] += chunk.length;
  }

  async #trickle(chunk: Buffer, to: Socket, bytesPerSecond: number): Promise<void> {
    const slice = Math.max(1, Math.floor(bytesPerSecond / 100));
    for (let at = 0; at < chunk.length && !to.destroyed; at += slice) {
      const part = chunk.subarray(at, at + slice);
      await write(to, part);
      await pause((part.length / bytesPerSecond) * 1_000);
    }
  }
}

function destroyLink({ client, target }: Link): void {
  client.destroy();
  target.destroy();
}

async function write(socket: Socket, bytes: Buffer): Promise<void> {
  if (socket.destroyed) throw new Error('the other side is gone');
  await new Promise<void>((resolve, reject) => {
    socket.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

/** Keeps no process alive. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
