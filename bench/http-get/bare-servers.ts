/** Servers with the same answers as a node, one a process: what the runtime and express cost alone. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { answerParent } from '../common/child-side.ts';
import { HOST } from '../common/sockets.ts';
import { keyOf } from '../memory/figures.ts';
import { type GetCase, valueText } from './sizes.ts';

export type BareKind = 'node:http' | 'node:http, ready bytes' | 'express';

interface BareEntry {
  readonly value: string;
  readonly offset: number;
}

const TIMESTAMP = Date.UTC(2026, 0, 1);
const PREFIX = '/rpc?key=';
const BOTH = ['Content-Type', 'application/json', 'Cache-Control', 'no-store'];

function hitHeaders({ offset }: BareEntry): string[] {
  return [
    ...['Bitacora-Version', `0:${offset}`, 'Bitacora-Timestamp', String(TIMESTAMP)],
    ...['Bitacora-Position', '0:1000000', 'Bitacora-Read', 'final'],
  ];
}

const MISS_HEADERS = ['Bitacora-Position', '0:1000000', 'Bitacora-Read', 'final'];

function hitBody(key: string, { value, offset }: BareEntry): string {
  return `{"key":${JSON.stringify(key)},"value":${JSON.stringify(value)},"timestamp":${TIMESTAMP},"source":1,"ttl":0,"uuid":"0:${offset}"}`;
}

function missBody(key: string): string {
  return `{"message":${JSON.stringify(`Key ${key} not found`)}}`;
}

/** Looks the key up in a Map and makes the JSON of the answer. */
function bare(entries: ReadonlyMap<string, BareEntry>): RequestListener {
  return (request, response) => {
    const key = request.url?.slice(PREFIX.length) ?? '';
    const entry = entries.get(key);
    const body = entry === undefined ? missBody(key) : hitBody(key, entry);
    const own = entry === undefined ? MISS_HEADERS : hitHeaders(entry);
    const length = String(Buffer.byteLength(body));
    response.writeHead(entry === undefined ? 404 : 200, [
      ...BOTH,
      'Content-Length',
      length,
      ...own,
    ]);
    response.end(body);
  };
}

/** Every answer lies there as it will be sent. */
function readyBytes(entries: ReadonlyMap<string, BareEntry>): RequestListener {
  const ready = new Map<string, { readonly headers: string[]; readonly body: Buffer }>();
  for (const [key, entry] of entries) {
    const body = Buffer.from(hitBody(key, entry));
    const headers = [...BOTH, 'Content-Length', String(body.length), ...hitHeaders(entry)];
    ready.set(key, { headers, body });
  }
  const miss = Buffer.from(missBody(keyOf(0)));
  const missHeaders = [...BOTH, 'Content-Length', String(miss.length), ...MISS_HEADERS];
  return (request, response) => {
    const found = ready.get(request.url?.slice(PREFIX.length) ?? '');
    response.writeHead(found === undefined ? 404 : 200, found?.headers ?? missHeaders);
    response.end(found?.body ?? miss);
  };
}

function withExpress(entries: ReadonlyMap<string, BareEntry>): RequestListener {
  const app = express();
  app.get('/rpc', (request, response) => {
    const key = String(request.query['key']);
    const entry = entries.get(key);
    response.set('Cache-Control', 'no-store');
    if (entry === undefined) {
      response.status(404).json({ message: `Key ${key} not found` });
      return;
    }
    const { value, offset } = entry;
    const headers = hitHeaders(entry);
    for (let at = 0; at < headers.length; at += 2) {
      response.set(headers[at] ?? '', headers[at + 1] ?? '');
    }
    response.json({ key, value, timestamp: TIMESTAMP, source: 1, ttl: 0, uuid: `0:${offset}` });
  });
  return app as RequestListener;
}

const KINDS: Readonly<Record<BareKind, typeof bare>> = {
  'node:http': bare,
  'node:http, ready bytes': readyBytes,
  express: withExpress,
};

answerParent(({ kind, of }: { readonly kind: BareKind; readonly of: GetCase }) => {
  const entries = new Map<string, BareEntry>();
  for (let i = 0; i < of.keys; i++) {
    // Each value its own, as stored values are.
    entries.set(keyOf(i), { value: Buffer.from(valueText(of.valueBytes)).toString(), offset: i });
  }
  const server = createServer(KINDS[kind](entries));
  return new Promise<number>((resolve) => {
    server.listen({ port: 0, host: HOST, backlog: 1_024 }, () =>
      resolve((server.address() as AddressInfo).port),
    );
  });
});
