import { connect, type Socket } from 'node:net';
import { type Deferred, deferred, withDeadline } from '../async.ts';
import type { Clock } from '../clock.ts';
import { AvroReader } from '../codec/avro-binary.ts';
import { FrameWriter } from '../codec/frame-writer.ts';
import { type CallAnswer, encodeCall, PING, readAnswer } from '../codec/rpc-calls.ts';
import { FrameDecoder, type Message } from '../codec/rpc-framing.ts';
import { encodeHandshakeRequest, readHandshakeResponse } from '../codec/rpc-handshake.ts';
import { MESSAGE_SLACK_BYTES, type RpcMessage, type RpcProtocol } from '../codec/rpc-protocol.ts';
import { messageOf } from '../errors.ts';
import { parseServer } from './server-address.ts';

/** The largest value that a server can be set to allow. */
const VALUE_BYTES_MAX = 15 * 1_024 * 1_024;
const PROTOCOL_TEXT_BYTES_MAX = 64 * 1_024;
/** Our hash is unknown to the server, then it has our text: more rounds than that are no handshake. */
const HANDSHAKE_ROUNDS_MAX = 3;

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
  readonly clock: Clock;
  /** Once, when it can no longer be used; not for one that `open` did not give. */
  readonly onClosed: (connection: ServerConnection) => void;
}

interface PendingCall {
  readonly message: RpcMessage;
  readonly answer: Deferred<CallAnswer>;
}

export interface SentCall {
  /** Rejects with ConnectionLostError alone. */
  readonly answer: Promise<CallAnswer>;
  /** Nobody waits any more. */
  forget(): void;
}

/** One connection to one server, with any number of calls in flight. */
export class ServerConnection {
  readonly server: string;
  readonly #options: ServerConnectionOptions;
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder(VALUE_BYTES_MAX + MESSAGE_SLACK_BYTES);
  readonly #writer: FrameWriter;
  readonly #pending = new Map<number, PendingCall>();
  readonly #ready = deferred<void>();
  #shaken = false;
  #rounds = 0;
  #retired = false;
  #closed = false;
  #serial = 0;
  #heardAt = 0;
  #fault: unknown;

  private constructor(options: ServerConnectionOptions, socket: Socket) {
    this.server = options.server;
    this.#options = options;
    this.#socket = socket;
    this.#writer = new FrameWriter(socket);
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

  /** Monotonic time of the last byte that came. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Only on a usable connection. */
  call(message: RpcMessage, key: Buffer, value: Buffer): SentCall {
    const serial = this.#nextSerial();
    const answer = deferred<CallAnswer>();
    this.#pending.set(serial, { message, answer });
    this.#writer.send(serial, [encodeCall(message, key, value)]);
    const forget = () => {
      if (this.#pending.delete(serial)) this.#closeIfDone();
    };
    return { answer: answer.promise, forget };
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

  #nextSerial(): number {
    do {
      this.#serial = (this.#serial + 1) | 0;
    } while (this.#pending.has(this.#serial));
    return this.#serial;
  }

  #shake(withText: boolean, serverHash: Buffer): void {
    const handshake = encodeHandshakeRequest(this.#options.protocol, serverHash, withText);
    this.#writer.send(this.#serial, [handshake, PING]);
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
    call.answer.resolve(answer);
    this.#closeIfDone();
  }

  #lost(): void {
    this.#closed = true;
    const error = new ConnectionLostError(this.server, this.#fault);
    this.#ready.reject(error);
    this.#ready.promise.catch(() => {});
    for (const { answer } of this.#pending.values()) answer.reject(error);
    this.#pending.clear();
    if (this.#shaken && !this.#retired) this.#options.onClosed(this);
  }
}
