import { createServer, type Server, type Socket } from 'node:net';
import { deferred, withDeadline } from '../async.ts';
import type { Clock } from '../clock.ts';
import { loadRpcProtocol, MESSAGE_SLACK_BYTES } from '../codec/rpc-protocol.ts';
import { ExitError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { hostAndPort } from '../node-address.ts';
import type { KeyValueStore } from '../store/key-value-store.ts';
import { AvroConnection, LINGER_MS } from './avro-connection.ts';
import { CallHandler, type CallLimits } from './call-handler.ts';
import { ClientProtocols } from './client-protocols.ts';

const CONNECTIONS_MAX = 4_096;
const FRAME_DEADLINE_MS = 10_000;
const HELD_BYTES_MAX = 256 * 1_024 * 1_024;
/** How often frames under way are looked at. */
const LOOK_EVERY_MS = 1_000;
const KEEP_ALIVE_MS = 60_000;

export interface AvroDoorOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly store: KeyValueStore;
  readonly limits: CallLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  /** One more is accepted, and the one silent longest is closed. */
  readonly connectionsMax?: number;
  /** How long a frame may take from its first byte to its last. */
  readonly frameDeadlineMs?: number;
  /** Of unfinished frames, calls under way and unread answers, over all connections. */
  readonly heldBytesMax?: number;
}

/** The door for Avro RPC (contract §4). */
export class AvroDoor {
  readonly #options: Required<AvroDoorOptions>;
  readonly #logger: Logger;
  readonly #server: Server;
  readonly #protocol = loadRpcProtocol();
  readonly #clients = new ClientProtocols(this.#protocol);
  readonly #handler: CallHandler;
  /** In the order in which they were last heard. */
  readonly #connections = new Set<AvroConnection>();
  #held = 0;
  #cancelLook = () => {};
  #draining = false;
  readonly #empty = deferred<void>();

  private constructor(options: AvroDoorOptions) {
    this.#options = {
      connectionsMax: CONNECTIONS_MAX,
      frameDeadlineMs: FRAME_DEADLINE_MS,
      heldBytesMax: HELD_BYTES_MAX,
      ...options,
    };
    this.#logger = options.logger.child({ component: 'rpc' });
    this.#handler = new CallHandler(options.store, options.limits, this.#logger);
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#accept(socket),
    );
  }

  /** @throws ExitError where the address cannot be listened on */
  static async listen(options: AvroDoorOptions): Promise<AvroDoor> {
    const door = new AvroDoor(options);
    await door.#listen();
    return door;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : this.#options.port;
  }

  /** Connections open now. */
  get connections(): number {
    return this.#connections.size;
  }

  stopAccepting(): void {
    this.#server.close();
  }

  /** Refuses new calls, answers those under way, those that take longer with an error, and ends. */
  async drain(deadlineMs: number): Promise<void> {
    const { clock } = this.#options;
    this.#draining = true;
    for (const connection of [...this.#connections]) connection.drain();
    if (await this.#emptyWithin(deadlineMs)) return;
    this.#logger.warn({ connections: this.#connections.size }, 'calls were not answered in time');
    for (const connection of [...this.#connections]) connection.giveUp();
    await withDeadline(clock, this.#empty.promise, 2 * LINGER_MS, () => {});
  }

  async close(): Promise<void> {
    this.#cancelLook();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of [...this.#connections]) connection.close();
    await closed;
  }

  async #emptyWithin(ms: number): Promise<boolean> {
    if (this.#connections.size === 0) return true;
    const empty = this.#empty.promise.then(() => true);
    return withDeadline(this.#options.clock, empty, ms, () => false);
  }

  async #listen(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, backlog: 1_024 }, resolve);
    }).catch((error: unknown) => {
      const address = hostAndPort(host, port);
      throw new ExitError(1, `Avro RPC cannot listen on ${address}: ${messageOf(error)}`, error);
    });
    this.#server.removeAllListeners('error');
    this.#server.on('error', (error) => {
      this.#logger.error({ reason: error.message }, 'a connection was not accepted');
    });
    this.#look();
  }

  #accept(socket: Socket): void {
    const { limits, clock, frameDeadlineMs, connectionsMax } = this.#options;
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const connection = new AvroConnection({
      socket,
      protocol: this.#protocol,
      clients: this.#clients,
      handler: this.#handler,
      messageBytesMax: limits.valueBytesMax + MESSAGE_SLACK_BYTES,
      frameDeadlineMs,
      clock,
      onHeard: (heard) => {
        this.#connections.delete(heard);
        this.#connections.add(heard);
      },
      onHeld: (change) => this.#weigh(change),
      onClosed: (closed, reason) => {
        this.#connections.delete(closed);
        if (reason !== undefined) this.#logger.debug({ reason }, 'connection closed');
        if (this.#draining && this.#connections.size === 0) this.#empty.resolve();
      },
    });
    this.#connections.add(connection);
    if (this.#draining) connection.drain();
    for (const silent of this.#connections) {
      if (this.#connections.size <= connectionsMax) break;
      this.#connections.delete(silent);
      silent.close('too many connections, this one was silent longest');
    }
  }

  /** Over the bound the connection that holds most goes, until what is left fits. */
  #weigh(change: number): void {
    this.#held += change;
    if (change <= 0) return;
    while (this.#held > this.#options.heldBytesMax) {
      let heaviest: AvroConnection | undefined;
      for (const connection of this.#connections) {
        if (connection.held > (heaviest?.held ?? 0)) heaviest = connection;
      }
      if (heaviest === undefined) return;
      heaviest.close('all connections together hold too many bytes, this one most');
    }
  }

  #look(): void {
    for (const connection of this.#connections) connection.checkDeadline();
    const { clock, frameDeadlineMs } = this.#options;
    this.#cancelLook = clock.after(Math.min(LOOK_EVERY_MS, frameDeadlineMs), () => this.#look());
  }
}
