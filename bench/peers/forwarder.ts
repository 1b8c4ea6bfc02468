/** A bare server that passes each request on with undici: what asking one peer costs at least. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { answerParent } from '../common/child-side.ts';
import { HOST } from '../common/sockets.ts';

const CONNECTIONS = 8;

answerParent(({ peer }: { readonly peer: string }) => {
  const pool = new Pool(`http://${peer}`, { connections: CONNECTIONS });
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace('/rpc', '/rpc/cluster');
    void pool.request({ method: 'GET', path }).then(async ({ statusCode, body }) => {
      const text = await body.text();
      response.writeHead(statusCode, [
        ...['Content-Type', 'application/json', 'Content-Length'],
        String(Buffer.byteLength(text)),
      ]);
      response.end(text);
    });
  });
  return new Promise<number>((resolve) => {
    server.listen({ port: 0, host: HOST }, () => resolve((server.address() as AddressInfo).port));
  });
});
