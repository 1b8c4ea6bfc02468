/**
 * A server that takes the same writes with the same answers: without a log, or with a file that is
 * synced once for all writes that wait.
 */

import { open } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { temporaryDirectory } from '../../test/helpers/temporary-directory.ts';
import { answerParent } from '../common/child-side.ts';
import { HOST } from '../common/sockets.ts';

const PREFIX = '/rpc?key=';

interface Waiting {
  readonly bytes: Buffer;
  readonly answer: () => void;
}

let offset = 0;

function answer(request: IncomingMessage, response: ServerResponse): void {
  const key = request.url?.slice(PREFIX.length) ?? '';
  const body = `{"key":${JSON.stringify(key)},"version":"0:${offset++}","timestamp":${Date.now()}}`;
  response.writeHead(200, [
    ...['Content-Type', 'application/json', 'Cache-Control', 'no-store'],
    ...['Content-Length', String(Buffer.byteLength(body))],
  ]);
  response.end(body);
}

/** Appends and syncs what has come meanwhile, over and over. */
function syncedFile(file: Awaited<ReturnType<typeof open>>): (waiting: Waiting) => void {
  let queue: Waiting[] = [];
  let writing = false;
  const write = async () => {
    writing = true;
    while (queue.length > 0) {
      const batch = queue;
      queue = [];
      await file.appendFile(Buffer.concat(batch.map(({ bytes }) => bytes)));
      await file.datasync();
      for (const waiting of batch) waiting.answer();
    }
    writing = false;
  };
  return (waiting) => {
    queue.push(waiting);
    if (!writing) void write();
  };
}

answerParent(async ({ disk }: { readonly disk: boolean }) => {
  const folder = disk ? await temporaryDirectory('bare') : undefined;
  const append =
    folder === undefined ? undefined : syncedFile(await open(join(folder.path, 'log'), 'a'));
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      if (append === undefined) answer(request, response);
      else append({ bytes: Buffer.concat(pieces), answer: () => answer(request, response) });
    });
  });
  return new Promise<{ port: number; folder: string | undefined }>((resolve) => {
    server.listen({ port: 0, host: HOST, backlog: 1_024 }, () =>
      resolve({ port: (server.address() as AddressInfo).port, folder: folder?.path }),
    );
  });
});
