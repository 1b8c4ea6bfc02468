/** Servers beside the node: avsc's own, and one that sends as many bytes as an answer has. */

import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import avsc from 'avsc';
import { loadRpcProtocol } from '../../src/codec/rpc-protocol.ts';
import { answerParent } from '../common/child-side.ts';
import { HOST } from '../common/sockets.ts';
import { keyOf } from '../memory/figures.ts';
import { ANSWER_FRAME_BYTES, GET_FRAME_BYTES, KEYS, SERIAL_AT, VALUE } from './calls.ts';

export type RpcServerKind = 'avsc' | 'echo';

/** The part of avsc's server that its typings leave out. */
interface AvscServer {
  onGetValue(handler: (key: string, done: (error: null, value: unknown) => void) => void): void;
  createChannel(socket: unknown): void;
}

function avscServer(): Server {
  const values = new Map<string, string>();
  for (let i = 0; i < KEYS; i++) values.set(keyOf(i), VALUE);
  const service = avsc.Service.forProtocol(JSON.parse(loadRpcProtocol().text) as object);
  const server = service.createServer() as unknown as AvscServer;
  server.onGetValue((key, done) => done(null, values.get(key) ?? null));
  return createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    server.createChannel(socket);
  });
}

/** For each call's bytes the bytes of an answer, with the call's serial; nothing is read. */
function echoServer(): Server {
  return createServer({ noDelay: true }, (socket) => {
    let rest = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (piece) => {
      const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
      const calls = Math.floor(bytes.length / GET_FRAME_BYTES);
      rest = bytes.subarray(calls * GET_FRAME_BYTES);
      const answers = Buffer.alloc(calls * ANSWER_FRAME_BYTES, VALUE);
      for (let i = 0; i < calls; i++) {
        const from = i * GET_FRAME_BYTES + SERIAL_AT;
        bytes.copy(answers, i * ANSWER_FRAME_BYTES + SERIAL_AT, from, from + 4);
      }
      socket.write(answers);
    });
  });
}

answerParent(({ kind }: { readonly kind: RpcServerKind }) => {
  const server = kind === 'avsc' ? avscServer() : echoServer();
  return new Promise<number>((resolve) => {
    server.listen({ port: 0, host: HOST }, () => resolve((server.address() as AddressInfo).port));
  });
});
