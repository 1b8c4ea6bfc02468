import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { AvroReader } from '../../src/codec/avro-binary.ts';
import { encodeCall, PING } from '../../src/codec/rpc-calls.ts';
import { FrameDecoder, frameHead, type Message } from '../../src/codec/rpc-framing.ts';
import { encodeHandshakeRequest } from '../../src/codec/rpc-handshake.ts';
import { loadRpcProtocol, type RpcMessage } from '../../src/codec/rpc-protocol.ts';
import { eventually } from './eventually.ts';

export const PROTOCOL = loadRpcProtocol();
export const HANDSHAKE = encodeHandshakeRequest(PROTOCOL, PROTOCOL.hash, false);

export function frame(serial: number, ...parts: Buffer[]): Buffer {
  const payload = Buffer.concat(parts);
  return Buffer.concat([frameHead(serial, payload.length), payload]);
}

export function callFrame(serial: number, message: RpcMessage, key: string, value = ''): Buffer {
  return frame(serial, encodeCall(message, Buffer.from(key), Buffer.from(value)));
}

/** A bare connection to a door: any bytes out, the door's messages in. */
export class RpcSocket {
  readonly socket: Socket;
  readonly messages: Message[] = [];
  closed = false;
  ended = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    const decoder = new FrameDecoder(64 * 1_024 * 1_024);
    socket.on('data', (chunk) => {
      decoder.push(chunk);
      for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
        this.messages.push({ serial: next.serial, payload: Buffer.from(next.payload) });
      }
    });
    socket.on('error', () => {});
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('close', () => {
      this.closed = true;
    });
  }

  static async open(t: Pick<TestContext, 'after'>, server: string): Promise<RpcSocket> {
    const port = Number(server.split(':')[1]);
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    t.after(() => void socket.destroy());
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    return new RpcSocket(socket);
  }

  /** One that has shaken hands. */
  static async ready(t: Pick<TestContext, 'after'>, server: string): Promise<RpcSocket> {
    const opened = await RpcSocket.open(t, server);
    opened.write(frame(0, HANDSHAKE, PING));
    await opened.message(0);
    opened.messages.length = 0;
    return opened;
  }

  write(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** The message with that serial, once it has come. */
  message(serial: number): Promise<Message> {
    return eventually(`an answer to ${serial}`, () =>
      this.messages.find((message) => message.serial === serial),
    );
  }

  /** The other side has closed. */
  get gone(): boolean {
    return this.closed || this.ended;
  }

  wasClosed(): Promise<unknown> {
    return eventually('the connection was closed', () => this.gone);
  }
}

/** What an answer says: a value in quotes, null, or an error's text. */
export function told({ payload }: Message, message: RpcMessage = 'getValue'): string {
  const reader = new AvroReader(payload);
  reader.skipMeta();
  if (reader.boolean()) {
    reader.long();
    return reader.bytes().toString();
  }
  if (message !== 'getValue' || reader.long() === 0) return 'null';
  return JSON.stringify(reader.bytes().toString());
}
