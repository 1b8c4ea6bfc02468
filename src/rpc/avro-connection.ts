import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import { AvroFormatError, AvroReader } from '../codec/avro-binary.ts';
import { FrameWriter } from '../codec/frame-writer.ts';
import { DONE_ANSWER, errorAnswer, readCallName } from '../codec/rpc-calls.ts';
import { formatRpcError } from '../codec/rpc-error-text.ts';
import { FrameDecoder, type Message } from '../codec/rpc-framing.ts';
import { encodeHandshakeResponse, readHandshakeRequest } from '../codec/rpc-handshake.ts';
import type { RpcMessage, RpcProtocol } from '../codec/rpc-protocol.ts';
import { messageOf, type ServiceErrorCode, type WriteOutcome } from '../errors.ts';
import type { Answer, CallHandler } from './call-handler.ts';
import type { ClientProtocol } from './client-protocol.ts';
import type { ClientProtocols } from './client-protocols.ts';

/** Above these no further call of a connection is taken until there are fewer. */
const CALLS_MAX = 1_024;
const UNSENT_BYTES_MAX = 1_024 * 1_024;
const CALL_BYTES_MAX = 4 * 1_024 * 1_024;

const PROTOCOL_TEXT_BYTES_MAX = 64 * 1_024;
const PONG: Answer = [DONE_ANSWER];
/** How long the rest of a connection may take once our side has ended. */
export const LINGER_MS = 500;

export interface AvroConnectionOptions {
  readonly socket: Socket;
  readonly protocol: RpcProtocol;
  readonly clients: ClientProtocols;
  readonly handler: CallHandler;
  readonly messageBytesMax: number;
  readonly frameDeadlineMs: number;
  readonly clock: Clock;
  /** Bytes came in. */
  readonly onHeard: (connection: AvroConnection) => void;
  /** `held` has changed by so much. */
  readonly onHeld: (change: number) => void;
  /** The socket is closed. `reason`: what the client did wrong, if it did. */
  readonly onClosed: (connection: AvroConnection, reason: string | undefined) => void;
}

interface Started {
  /** undefined: none of the protocol's. */
  readonly message: RpcMessage | undefined;
  readonly answer: Answer | Promise<Answer>;
}

interface Call {
  readonly serial: number;
  readonly message: RpcMessage | undefined;
  /** What goes before the answer, if the call came with a handshake. */
  readonly handshake: Answer;
  readonly bytes: number;
}

/** One client: its frames in, its calls to the handler, their answers out in any order. */
export class AvroConnection {
  readonly #options: AvroConnectionOptions;
  readonly #socket: Socket;
  readonly #decoder: FrameDecoder;
  readonly #writer: FrameWriter;
  readonly #calls = new Set<Call>();
  #callBytes = 0;
  #held = 0;
  #client: ClientProtocol | undefined;
  #reason: string | undefined;
  #taking = false;
  #ended = false;
  #draining = false;
  /** The frame under way: which one, and since when the client may go on with it. */
  #partialFrame = -1;
  #partialSince: number | undefined;

  constructor(options: AvroConnectionOptions) {
    const { socket, messageBytesMax } = options;
    this.#options = options;
    this.#socket = socket;
    this.#decoder = new FrameDecoder(messageBytesMax);
    this.#writer = new FrameWriter(socket);
    socket.on('data', (chunk: Buffer) => {
      options.onHeard(this);
      if (socket.writableEnded) return;
      this.#decoder.push(chunk);
      this.#take();
    });
    // Not at once: one that asks for much would be served for as long as the network takes it.
    socket.on('drain', () => setImmediate(() => this.#take()));
    socket.on('end', () => {
      this.#ended = true;
      this.#endIfDone();
    });
    // What went wrong with a socket is the client's affair; 'close' follows.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.close();
      options.onClosed(this, this.#reason);
    });
  }

  /** Bytes of memory that this client makes us keep. */
  get held(): number {
    return this.#held;
  }

  /** Closes the connection if a frame has been under way for too long. */
  checkDeadline(): void {
    const { clock, frameDeadlineMs } = this.#options;
    if (this.#partialSince === undefined) return;
    if (clock.monotonic() - this.#partialSince < frameDeadlineMs) return;
    this.close(`a frame did not end within ${frameDeadlineMs} ms`);
  }

  /** Refuses what comes from now on and ends once the calls under way are answered. */
  drain(): void {
    this.#draining = true;
    this.#endIfDone();
  }

  /** Answers the calls under way with an error and ends. */
  giveUp(): void {
    for (const { serial, message, handshake } of this.#calls) {
      const text = 'The node stops and got no answer in time';
      this.#writer.send(serial, [
        ...handshake,
        refusal('log_unavailable', text, message, 'unknown'),
      ]);
    }
    this.#calls.clear();
    this.drain();
  }

  close(reason?: string): void {
    this.#reason ??= reason;
    this.#options.onHeld(-this.#held);
    this.#held = 0;
    this.#calls.clear();
    this.#socket.destroy();
  }

  /** Takes as many calls from the bytes that came as the bounds allow. */
  #take(): void {
    if (this.#taking || this.#socket.destroyed) return;
    this.#taking = true;
    try {
      while (!this.#full) {
        const message = this.#decoder.next();
        if (message === undefined) break;
        this.#receive(message);
      }
      this.#steer();
    } catch (error) {
      this.close(messageOf(error));
    } finally {
      this.#taking = false;
    }
    this.#weigh();
    this.#endIfDone();
  }

  get #full(): boolean {
    return (
      this.#calls.size >= CALLS_MAX ||
      this.#callBytes >= CALL_BYTES_MAX ||
      this.#writer.unsent >= UNSENT_BYTES_MAX
    );
  }

  /** Reads on or stops reading; a client that we do not read is not to blame for its half frame. */
  #steer(): void {
    if (this.#full) {
      this.#partialSince = undefined;
      this.#socket.pause();
      return;
    }
    if (this.#socket.isPaused()) this.#socket.resume();
    if (!this.#decoder.partial) {
      this.#partialSince = undefined;
    } else if (this.#partialSince === undefined || this.#partialFrame !== this.#decoder.completed) {
      this.#partialSince = this.#options.clock.monotonic();
      this.#partialFrame = this.#decoder.completed;
    }
  }

  #receive({ serial, payload }: Message): void {
    const reader = new AvroReader(payload);
    if (this.#client !== undefined) {
      this.#call(serial, reader, this.#client, []);
      return;
    }
    const { protocol, clients } = this.#options;
    const request = readHandshakeRequest(reader, PROTOCOL_TEXT_BYTES_MAX);
    this.#client = clients.find(request);
    if (this.#client === undefined) {
      this.#writer.send(serial, [encodeHandshakeResponse('NONE', protocol)]);
      return;
    }
    const match = request.serverHash.equals(protocol.hash) ? 'BOTH' : 'CLIENT';
    this.#call(serial, reader, this.#client, [encodeHandshakeResponse(match, protocol)]);
  }

  #call(serial: number, reader: AvroReader, client: ClientProtocol, handshake: Answer): void {
    const bytes = reader.left;
    const { message, answer } = this.#start(reader, client);
    if (!(answer instanceof Promise)) {
      this.#writer.send(serial, [...handshake, ...answer]);
      return;
    }
    const call = { serial, message, handshake, bytes };
    this.#calls.add(call);
    this.#callBytes += bytes;
    void answer.then((parts) => this.#answered(call, parts));
  }

  #start(reader: AvroReader, client: ClientProtocol): Started {
    try {
      const name = readCallName(reader);
      if (name === '') return { message: undefined, answer: PONG };
      const form = client.form(name);
      if (form === undefined) return refused('not_implemented', client.whyNot(name));
      const { message } = form;
      const parameters = form.read(reader);
      if (this.#draining) return refused('overloaded', 'The node stops', message, 'not_written');
      return { message, answer: this.#options.handler.handle(message, parameters) };
    } catch (error) {
      if (!(error instanceof AvroFormatError)) throw error;
      return refused('bad_value', `The call cannot be read: ${error.message}`);
    }
  }

  #answered(call: Call, parts: Answer): void {
    if (!this.#calls.delete(call)) return;
    this.#callBytes -= call.bytes;
    this.#writer.send(call.serial, [...call.handshake, ...parts]);
    if (this.#socket.isPaused() && !this.#full) {
      this.#take();
      return;
    }
    this.#weigh();
    this.#endIfDone();
  }

  #weigh(): void {
    if (this.#socket.destroyed) return;
    const held = this.#decoder.held + this.#callBytes + this.#writer.unsent;
    const change = held - this.#held;
    if (change === 0) return;
    this.#held = held;
    this.#options.onHeld(change);
  }

  #endIfDone(): void {
    if (!(this.#ended || this.#draining) || this.#calls.size > 0 || this.#full) return;
    if (this.#socket.writableEnded || this.#socket.destroyed) return;
    this.#writer.flush();
    if (this.#socket.isPaused()) this.#socket.resume();
    // The client closes its side as well; one that does not is not waited for.
    this.#socket.end(() => {
      const cancel = this.#options.clock.after(LINGER_MS, () => this.#socket.destroy());
      this.#socket.once('close', cancel);
    });
  }
}

function refused(
  code: ServiceErrorCode,
  text: string,
  message?: RpcMessage,
  outcome?: WriteOutcome,
): Started {
  return { message, answer: [refusal(code, text, message, outcome)] };
}

/** An error; the outcome is for writes alone. */
function refusal(
  code: ServiceErrorCode,
  text: string,
  message: RpcMessage | undefined,
  outcome: WriteOutcome | undefined,
): Buffer {
  const told = message === 'getValue' ? undefined : outcome;
  return errorAnswer(formatRpcError({ code, message: text, outcome: told }));
}
