/**
 * A server that takes the same writes with the same answers: without a log, with a file that is synced
 * once for all writes that wait, or with Kafka behind it.
 */

import { open } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { partitionOf } from '../../src/codec/partitioner.ts';
import { temporaryDirectory } from '../../test/helpers/temporary-directory.ts';
import { answerParent } from '../common/child-side.ts';
import { HOST } from '../common/sockets.ts';
import { RawProducer } from '../kafka/raw-producer.ts';
import { PARTITIONS } from '../kafka/topics.ts';

const PREFIX = '/rpc?key=';

export type BareLog = 'none' | 'disk' | { readonly brokers: string; readonly topic: string };

interface Waiting {
  readonly bytes: Buffer;
  readonly answer: () => void;
}

let offset = 0;

function answer(key: string, response: ServerResponse): void {
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

async function kafka(brokers: string, topic: string): Promise<Append> {
  const producer = await RawProducer.open(brokers, topic);
  return (key, value, acknowledged) => {
    const bytes = Buffer.from(key);
    producer.produce(
      { partition: partitionOf(bytes, PARTITIONS), key: bytes, value },
      acknowledged,
    );
  };
}

type Append = (key: string, value: Buffer, acknowledged: () => void) => void;

async function appendTo(log: BareLog, folder: string | undefined): Promise<Append> {
  if (typeof log === 'object') return kafka(log.brokers, log.topic);
  if (folder === undefined) return (_key, _value, acknowledged) => acknowledged();
  const append = syncedFile(await open(join(folder, 'log'), 'a'));
  return (_key, bytes, acknowledged) => append({ bytes, answer: acknowledged });
}

answerParent(async (log: BareLog) => {
  const folder = log === 'disk' ? (await temporaryDirectory('bare')).path : undefined;
  const append = await appendTo(log, folder);
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const key = request.url?.slice(PREFIX.length) ?? '';
      append(key, Buffer.concat(pieces), () => answer(key, response));
    });
  });
  return new Promise<{ port: number; folder: string | undefined }>((resolve) => {
    server.listen({ port: 0, host: HOST, backlog: 1_024 }, () =>
      resolve({ port: (server.address() as AddressInfo).port, folder }),
    );
  });
});
