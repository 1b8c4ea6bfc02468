import { connect, type Socket } from 'node:net';
import { deferred, withDeadline } from '../async.ts';
import type { Clock } from '../clock.ts';
import { AvroReader } from '../codec/avro-binary.ts';
import { FrameWriter } from '../codec/frame-writer.ts';
import { encodeCall, PING, readAnswer } from '../codec/rpc-calls.ts';
import { FrameDecoder, type Message } from '../codec/rpc-framing.ts';
import { encodeHandshakeRequest, readHandshakeResponse } from '../codec/rpc-handshake.ts';
import { MESSAGE_SLACK_BYTES, type RpcMessage, type RpcProtocol } from '../codec/rpc-protocol.ts';
import { messageOf } from '../errors.ts';
import { type CallOutcome, type PendingCall, PendingCalls } from './pending-calls.ts';
import { parseServer } from './server-address.ts';

/** The largest value that a server can be set to allow. */
const VALUE_BYTES_MAX = 15 * 1_024 * 1_024;
const PROTOCOL_TEXT_BYTES_MAX = 64 * 1_024;
/** Our hash is unknown to the server, then it has our text: more rounds than that are no handshake. */
const HANDSHAKE_ROUNDS_MAX = 3;
const HANDSHAKE_SERIAL = 0;

/** The connection ended; whether the call took place is not known. */
export class ConnectionLostError extends Error {
  constructor(server: string, cause?: unknown) {
    const why = cause === undefined ? '' : `: ${messageOf(cause)}`;
    super(`The connection to ${server} was lost${why}`, { cause });
    this.name = 'ConnectionLostError';
  }
}

export interface ServerConnectionOptions {
  /** `host:port`. */
  readonly server: string;
  readonly protocol: RpcProtocol;
  readonly connectMs: number;
  /** Its timers need keep no process alive: the socket does. */
  readonly clock: Clock;
  /** Once, when it can no longer be used; not for one that `open` did not give. */
  readonly onClosed: (connection: ServerConnection) => void;
}

export interface OutgoingCall {
  readonly message: RpcMessage;
  readonly key: string;
  /** Of setValue alone. */
  readonly value: string;
}

/** One connection to one server, with any number of calls in flight. */
export class ServerConnection {
  readonly server: string;
  readonly #options: ServerConnectionOptions;
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder(VALUE_BYTES_MAX + MESSAGE_SLACK_BYTES);
  readonly #writer: FrameWriter;
  readonly #pending: PendingCalls;
  readonly #ready = deferred<void>();
  #shaken = false;
  #rounds = 0;
  #retired = false;
  #closed = false;
  #heardAt = 0;
  #fault: unknown;

  private constructor(options: ServerConnectionOptions, socket: Socket) {
    this.server = options.server;
    this.#options = options;
    this.#socket = socket;
    this.#writer = new FrameWriter(socket);
    this.#pending = new PendingCalls(options.clock, (call) => this.#late(call));
    socket.on('connect', () => this.#shake(false, options.protocol.hash));
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', (error) => {
      this.#fault = error;
    });
    socket.on('close', () => this.#lost());
  }

  /** @throws ConnectionLostError also where nothing answers within `connectMs` */
  static async open(options: ServerConnectionOptions): Promise<ServerConnection> {
    const address = parseServer(options.server);
    if (address === undefined) throw new ConnectionLostError(options.server, 'not a host:port');
    const socket = connect({ ...address, noDelay: true, keepAlive: true });
    const connection = new ServerConnection(options, socket);
    await withDeadline(options.clock, connection.#ready.promise, options.connectMs, () => {
      const late = new ConnectionLostError(options.server, 'it does not answer');
      connection.close(late);
      throw late;
    });
    return connection;
  }

  /** Whether new calls may go here. */
  get usable(): boolean {
    return this.#shaken && !this.#retired && !this.#closed && this.#socket.writable;
  }

  get inFlight(): number {
    return this.#pending.size;
  }

  /** Only on a usable connection. `sentAt`, `until`: monotonic times, now and of the deadline. */
  call(call: OutgoingCall, sentAt: number, until: number): Promise<CallOutcome> {
    const { message, key, value } = call;
    const bytes = encodeCall(message, key, value);
    return new Promise((settle) => {
      const serial = this.#pending.add({ message, sentAt, until, settle });
      this.#writer.send(serial, [bytes]);
    });
  }

  /** Takes no new calls and closes once those in flight are answered or forgotten. */
  retire(): void {
    if (this.#retired || this.#closed) return;
    this.#retired = true;
    this.#options.onClosed(this);
    this.#closeIfDone();
  }

  close(fault?: unknown): void {
    this.#fault ??= fault;
    this.#socket.destroy();
  }

  #closeIfDone(): void {
    if (this.#retired && this.#pending.size === 0) this.close();
  }

  #shake(withText: boolean, serverHash: Buffer): void {
    const handshake = encodeHandshakeRequest(this.#options.protocol, serverHash, withText);
    this.#writer.send(HANDSHAKE_SERIAL, [handshake, PING]);
    this.#rounds++;
  }

  #read(chunk: Buffer): void {
    this.#heardAt = this.#options.clock.monotonic();
    this.#decoder.push(chunk);
    try {
      for (let next = this.#decoder.next(); next !== undefined; next = this.#decoder.next()) {
        if (this.#shaken) this.#settle(next);
        else this.#finishHandshake(next);
      }
    } catch (error) {
      this.close(error);
    }
  }

  #finishHandshake({ payload }: Message): void {
    const answer = readHandshakeResponse(new AvroReader(payload), PROTOCOL_TEXT_BYTES_MAX);
    if (answer.match !== 'NONE') {
      this.#shaken = true;
      this.#ready.resolve();
    } else if (this.#rounds < HANDSHAKE_ROUNDS_MAX) {
      this.#shake(true, answer.serverHash ?? this.#options.protocol.hash);
    } else {
      this.close(new Error('it does not take our protocol'));
    }
  }

  #settle({ serial, payload }: Message): void {
    const call = this.#pending.get(serial);
    // The answer to a call that was given up comes too late.
    if (call === undefined) return;
    const answer = readAnswer(payload, call.message);
    this.#pending.delete(serial);
    call.settle(answer);
    this.#closeIfDone();
  }

  #late(call: PendingCall): void {
    // Silence for a whole call: new calls go elsewhere, those in flight may still be answered.
    if (this.#heardAt < call.sentAt) this.retire();
    this.#closeIfDone();
  }

  #lost(): void {
    this.#closed = true;
    const error = new ConnectionLostError(this.server, this.#fault);
    this.#ready.reject(error);
    this.#ready.promise.catch(() => {});
    this.#pending.lose(error);
    if (this.#shaken && !this.#retired) this.#options.onClosed(this);
  }
}
