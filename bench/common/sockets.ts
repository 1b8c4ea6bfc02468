import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export const HOST = '127.0.0.1';
const CONNECT_MS_MAX = 10_000;
const CONNECT_AGAIN_MS = 20;

/** A connection to a server that may not listen yet, as long as `alive` says that it may. */
export async function connected(port: number, alive: () => boolean = () => true): Promise<Socket> {
  const latest = performance.now() + CONNECT_MS_MAX;
  for (;;) {
    const socket = createConnection({ host: HOST, port, noDelay: true });
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if (performance.now() > latest || !alive()) throw error;
      await pause(CONNECT_AGAIN_MS);
    }
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
