import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import avsc from 'avsc';
import { PROTOCOL } from './rpc-socket.ts';

export interface AvscClient {
  /** The message's response, or a rejection with the error that the server sent. */
  call(message: string, request: Record<string, unknown>): Promise<unknown>;
}

/** avsc's own client, with a protocol of one's choice. */
export function openAvscClient(
  t: Pick<TestContext, 'after'>,
  server: string,
  protocol: object = JSON.parse(PROTOCOL.text) as object,
): AvscClient {
  const service = avsc.Service.forProtocol(protocol);
  // avsc makes a function named like each message, and `delete` is no name for one.
  const prototype = avsc.Service.Client.prototype as unknown as Record<string, unknown>;
  prototype['_createMessageHandler$'] = () => () => {};
  const client = service.createClient();
  const port = Number(server.split(':')[1]);
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  t.after(() => void socket.destroy());
  client.createChannel(socket);
  return {
    call: (message, request) =>
      new Promise((resolve, reject) => {
        client.emitMessage(message, request, {}, (error: Error | null, value: unknown) =>
          error ? reject(error) : resolve(value),
        );
      }),
  };
}
