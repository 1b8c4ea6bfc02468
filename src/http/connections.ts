import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import { Connection, type ConnectionOwner } from './connection.ts';
import type { HttpLimits } from './limits.ts';
import { Outbox } from './outbox.ts';
import { HttpDates } from './raw-answer.ts';

/** A client that has read nothing for so long makes room where memory runs short. */
const STALLED_MS = 2_000;
/** How often at most such clients are looked for. */
const LOOK_EVERY_MS = 100;

/** All connections of a door: their number and what is held for them are bounded. */
export class Connections implements ConnectionOwner {
  readonly limits: HttpLimits;
  readonly #clock: Clock;
  readonly #dates: HttpDates;
  /** Headers (names and values in turn) of an answer whose connection stays open. */
  readonly keepAlive: readonly string[];
  readonly outbox = new Outbox();
  readonly #bySocket = new Map<Socket, Connection>();
  /** Without a request under way, the one silent longest first. */
  readonly #idle = new Set<Connection>();
  /** With requests under way, the one busy longest first. */
  readonly #busy = new Set<Connection>();
  #heldBytes = 0;
  #lookAgainAt = 0;
  #quietWaiters: (() => void)[] = [];
  #cancelLook = () => {};
  /** The door takes no more connections: every answer says so. */
  closing = false;

  constructor(limits: HttpLimits, clock: Clock) {
    this.limits = limits;
    this.#clock = clock;
    this.#dates = new HttpDates(() => clock.now());
    const seconds = Math.floor(limits.keepAliveMs / 1_000);
    this.keepAlive = ['Connection', 'keep-alive', 'Keep-Alive', `timeout=${seconds}`];
  }

  /** Looks for silent ones from now on, until all are closed. */
  watch(): void {
    this.#cancelLook = this.#clock.after(this.limits.checkEveryMs, () => {
      const now = this.monotonic();
      for (const connection of this.#bySocket.values()) connection.look(now);
      this.watch();
    });
  }

  get size(): number {
    return this.#bySocket.size;
  }

  open(socket: Socket): void {
    if (this.#bySocket.size >= this.limits.connectionsMax) this.closeSilentLongest();
    const connection = new Connection(socket, this);
    this.#bySocket.set(socket, connection);
    this.#idle.add(connection);
    // Its faults are the parser's to tell; after it has let go of the socket they are nobody's.
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#forget(connection);
      connection.drop();
      this.#look();
    });
  }

  of(socket: Socket): Connection | undefined {
    return this.#bySocket.get(socket);
  }

  /** Where all have requests under way: the one that was answered last, or has begun, longest ago. */
  closeSilentLongest(): void {
    const [idle] = this.#idle;
    const longest = idle ?? least(this.#busy, ({ progressAt }) => progressAt);
    if (longest !== undefined) this.#close(longest);
  }

  /** Those on which nothing was begun. */
  closeResting(): void {
    for (const connection of [...this.#idle]) if (connection.atRest) this.#close(connection);
  }

  get scarce(): boolean {
    return this.#heldBytes > this.limits.answersBytesMax / 2;
  }

  /** Room for an answer, if need be at the cost of clients that read nothing. */
  makeRoom(bytes: number): boolean {
    const fits = () => this.#heldBytes + bytes <= this.limits.answersBytesMax;
    if (fits()) return true;
    const now = this.monotonic();
    if (now < this.#lookAgainAt) return false;
    const since = now - STALLED_MS;
    for (const connection of this.#busy) {
      if (connection.progressAt > since || !connection.owesReading) continue;
      this.#close(connection);
      if (fits()) return true;
    }
    this.#lookAgainAt = now + LOOK_EVERY_MS;
    return false;
  }

  shed(): void {
    if (this.#heldBytes <= this.limits.answersBytesMax || this.makeRoom(0)) return;
    const most = least(this.#busy, ({ heldBytes }) => -heldBytes);
    if (most !== undefined) this.#close(most);
  }

  /** For a `Date` header. */
  date(): string {
    return this.#dates.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(ms: number, callback: () => void): () => void {
    return this.#clock.after(ms, callback);
  }

  activity(connection: Connection): void {
    if (!this.#bySocket.has(connection.socket)) return;
    const { busy } = connection;
    this.#idle.delete(connection);
    this.#busy.delete(connection);
    (busy ? this.#busy : this.#idle).add(connection);
    if (!busy) this.#look();
  }

  held(bytes: number): void {
    this.#heldBytes += bytes;
  }

  /** Bytes held for requests and answers under way. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Resolves when no request is under way. */
  quiet(): Promise<void> {
    if (this.#busy.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#quietWaiters.push(resolve));
  }

  abandon(): void {
    for (const connection of [...this.#busy]) connection.abandon();
  }

  /** Closes all that is left. */
  closeAll(): void {
    this.#cancelLook();
    for (const socket of [...this.#bySocket.keys()]) socket.destroy();
  }

  #close(connection: Connection): void {
    this.#forget(connection);
    connection.drop();
    connection.socket.destroy();
  }

  #forget(connection: Connection): void {
    this.#bySocket.delete(connection.socket);
    this.#idle.delete(connection);
    this.#busy.delete(connection);
  }

  #look(): void {
    if (this.#busy.size > 0) return;
    for (const resolve of this.#quietWaiters.splice(0)) resolve();
  }
}

function least(
  connections: Iterable<Connection>,
  weight: (connection: Connection) => number,
): Connection | undefined {
  let found: Connection | undefined;
  let lowest = Number.POSITIVE_INFINITY;
  for (const connection of connections) {
    const own = weight(connection);
    if (own >= lowest) continue;
    found = connection;
    lowest = own;
  }
  return found;
}
