import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server as TcpServer,
} from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { AllowedPeers } from '../../../src/peers/allowed-peers.ts';
import { HttpPeerTransport, POOLS_MAX } from '../../../src/peers/http-peer-transport.ts';
import { eventually } from '../../helpers/eventually.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';

const VALUE_BYTES_MAX = 4_096;
const PATIENT_MS = 5_000;
const NODE_HEADERS = {
  'Content-Type': 'application/json',
  'Bitacora-Log': 'cluster/topic',
  'Bitacora-Position': '3:9',
  'Bitacora-Read': 'final',
};
const HIT_HEADERS = { ...NODE_HEADERS, 'Bitacora-Version': '3:7', 'Bitacora-Timestamp': '1000' };

function hitBody(key: string, value: string): string {
  return JSON.stringify({ key, value, timestamp: 1_000, source: 1, ttl: 0, uuid: '3:7' });
}

function sendHit(response: ServerResponse, key = 'k', value = 'v'): void {
  response.writeHead(200, HIT_HEADERS).end(hitBody(key, value));
}

describe('the transport to peers', () => {
  let transport: HttpPeerTransport;
  let servers: (Server | TcpServer)[];

  beforeEach(() => {
    servers = [];
    transport = HttpPeerTransport.open({ valueBytesMax: VALUE_BYTES_MAX });
  });

  afterEach(async () => {
    await transport.close();
    for (const server of servers) {
      if ('closeAllConnections' in server) server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  async function listen(server: Server | TcpServer): Promise<string> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const peer = (listener: RequestListener) => listen(createServer(listener));

  /** A peer that sends these bytes to whoever connects. */
  const rawPeer = (bytes: string) =>
    listen(
      createTcpServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => socket.end(bytes, 'latin1'));
      }),
    );

  function ask(http: string, more: { key?: string; timeoutMs?: number } = {}) {
    return transport.ask({ http, key: 'k', partition: 3, timeoutMs: PATIENT_MS, ...more });
  }

  it('gives what a peer has', async () => {
    const http = await peer((_, response) => sendHit(response));
    const entry = { kind: 'live', offset: 7, timestamp: 1_000, value: Buffer.from('v') };
    const expected = { log: 'cluster/topic', position: 9, final: true, entry };
    assert.deepEqual(await ask(http), expected);
  });

  it('gives a marker, an absence, and an entry that the peer cannot read', async () => {
    const http = await peer((request, response) => {
      if (request.url?.endsWith('deleted')) {
        response.writeHead(404, { ...HIT_HEADERS, 'Bitacora-Deleted': 'true' }).end('{}');
      } else if (request.url?.endsWith('unreadable')) {
        response.writeHead(500, HIT_HEADERS).end('{"message":"why","code":"unreadable"}');
      } else {
        response.writeHead(404, { ...NODE_HEADERS, 'Bitacora-Read': 'behind' }).end('{}');
      }
    });
    assert.equal((await ask(http, { key: 'deleted' })).entry?.kind, 'marker');
    const unreadable = await ask(http, { key: 'unreadable' });
    assert.equal(unreadable.entry?.kind, 'unreadable');
    assert.equal(unreadable.entry.value.toString(), 'why');
    const absent = await ask(http, { key: 'absent' });
    assert.deepEqual([absent.entry, absent.final], [undefined, false]);
  });

  it('asks /rpc/cluster with the key percent-encoded, any key', async () => {
    const urls: string[] = [];
    const http = await peer((request, response) => {
      urls.push(`${request.method} ${request.url}`);
      const key = new URL(request.url ?? '', 'http://x').searchParams.get('key') ?? '';
      sendHit(response, key);
    });
    for (const key of ['a b', 'a+b&c=d', 'é/€😀', '?#%', '../..', '\r\nX: y', '\0']) {
      assert.equal((await ask(http, { key })).entry?.kind, 'live');
    }
    assert.equal(urls[0], 'GET /rpc/cluster?key=a%20b');
    assert.equal(urls[1], 'GET /rpc/cluster?key=a%2Bb%26c%3Dd');
  });

  it('passes on another log as it is told: the reader judges it', async () => {
    const http = await peer((_, response) => {
      response.writeHead(404, { ...NODE_HEADERS, 'Bitacora-Log': 'other/log' }).end('{}');
    });
    assert.equal((await ask(http)).log, 'other/log');
  });

  it('reuses its connections, and has no more than eight to a peer', async () => {
    let connections = 0;
    const held: ServerResponse[] = [];
    const server = createServer((_, response) => held.push(response));
    server.on('connection', () => connections++);
    const http = await listen(server);
    for (let round = 0; round < 2; round++) {
      const asking = Array.from({ length: 20 }, () => ask(http));
      for (let answered = 0; answered < 20; ) {
        await eventually('a question arrives', () => held.length > 0);
        for (const response of held.splice(0)) {
          sendHit(response);
          answered++;
        }
      }
      await Promise.all(asking);
    }
    assert.ok(connections <= 8, `${connections} connections`);
  });

  const LIMIT_MS = 60;
  const slow: readonly (readonly [string, RequestListener])[] = [
    ['says nothing', () => {}],
    ['sends half a head', (_, response) => void response.socket?.write('HTTP/1.1 200 OK\r\nBita')],
    [
      'sends half a body',
      (_, response) => void response.writeHead(200, HIT_HEADERS).write('{"key"'),
    ],
    [
      'sends a byte now and then',
      (_, response) => {
        response.writeHead(200, HIT_HEADERS);
        const timer = setInterval(() => response.write(' '), 10);
        response.on('close', () => clearInterval(timer));
      },
    ],
  ];
  for (const [what, listener] of slow) {
    it(`gives up at the deadline on a peer that ${what}`, async () => {
      const http = await peer(listener);
      const from = performance.now();
      await assert.rejects(ask(http, { timeoutMs: LIMIT_MS }), /no answer in time/);
      const ms = performance.now() - from;
      assert.ok(ms >= LIMIT_MS - 5 && ms < 2_000, `${ms} ms`);
    });
  }

  it('gives up at the deadline of its clock', async () => {
    const clock = new ManualClock();
    await transport.close();
    transport = HttpPeerTransport.open({ valueBytesMax: VALUE_BYTES_MAX, clock });
    let arrived = false;
    const http = await peer(() => {
      arrived = true;
    });
    const asking = ask(http);
    await eventually('the question arrives', () => arrived);
    clock.advance(PATIENT_MS);
    await assert.rejects(asking, /no answer in time/);
    assert.equal(clock.waiting, 0);
  });

  it('goes on with a peer after it was late once', async () => {
    let late = true;
    const http = await peer((_, response) => {
      if (!late) sendHit(response);
      late = false;
    });
    await assert.rejects(ask(http, { timeoutMs: 30 }));
    assert.equal((await ask(http)).entry?.kind, 'live');
  });

  it('never sends a question that was given up while it waited, nor takes a connection for it', async () => {
    const arrived: string[] = [];
    let connections = 0;
    const server = createServer((request, response) => {
      const key = new URL(request.url ?? '', 'http://x').searchParams.get('key') ?? '';
      arrived.push(key);
      if (key === 'answered') sendHit(response, key);
    });
    server.on('connection', () => connections++);
    const http = await listen(server);
    const asking = Array.from({ length: 60 }, (_, i) =>
      assert.rejects(
        ask(http, { key: `${i}`, timeoutMs: i < 8 ? 1_000 : 50 }),
        /no answer in time/,
      ),
    );
    await Promise.all(asking);
    assert.equal((await ask(http, { key: 'answered' })).entry?.kind, 'live');
    assert.deepEqual(arrived.sort(), ['0', '1', '2', '3', '4', '5', '6', '7', 'answered']);
    // Those that were sent have cost theirs.
    assert.ok(connections <= 16, `${connections} connections`);
  });

  it('takes the answer that follows an informational one', async () => {
    const body = hitBody('k', 'v');
    const headers = Object.entries(HIT_HEADERS).map(([name, value]) => `${name}: ${value}\r\n`);
    const http = await rawPeer(
      'HTTP/1.1 103 Early Hints\r\nBitacora-Read: behind\r\n\r\n' +
        `HTTP/1.1 200 OK\r\n${headers.join('')}Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    assert.equal((await ask(http)).final, true);
  });

  it('takes the largest value in its longest form', async () => {
    const value = '\u0001'.repeat(VALUE_BYTES_MAX);
    const key = '\u0001'.repeat(100);
    const http = await peer((_, response) => sendHit(response, key, value));
    assert.equal((await ask(http, { key })).entry?.value.toString(), value);
  });

  it('cuts a body that never ends, and its connection', async () => {
    let sent = 0;
    let cut = false;
    const http = await peer((_, response) => {
      response.writeHead(200, HIT_HEADERS);
      const more = () => {
        while (!cut && response.write(' '.repeat(16_384))) sent += 16_384;
      };
      response.on('drain', more);
      response.on('close', () => {
        cut = true;
      });
      more();
    });
    await assert.rejects(ask(http), /a body of more than \d+ bytes/);
    await eventually('the connection is cut', () => cut);
    assert.ok(sent < 32 * 1_024 * 1_024, `${sent} bytes`);
  });

  it('follows no redirect', async () => {
    let followed = 0;
    const target = await peer((_, response) => {
      followed++;
      sendHit(response);
    });
    const http = await peer((request, response) => {
      response.writeHead(302, { ...HIT_HEADERS, Location: `http://${target}${request.url}` }).end();
    });
    await assert.rejects(ask(http), /status 302/);
    assert.equal(followed, 0);
  });

  const garbage: readonly (readonly [string, string])[] = [
    ['no HTTP', 'SSH-2.0-x\r\n'],
    ['nothing', ''],
    ['a head too large', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`],
    ['a body shorter than it says', 'HTTP/1.1 404 N\r\nContent-Length: 9\r\n\r\nabc'],
    ['chunks that are none', 'HTTP/1.1 404 N\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    [
      'the header of its position twice',
      `HTTP/1.1 404 N\r\nBitacora-Read: final\r\nBitacora-Log: a/b\r\nBitacora-Position: 3:1\r\nBitacora-Position: 3:2\r\nContent-Length: 0\r\n\r\n`,
    ],
    [
      'another partition',
      'HTTP/1.1 404 N\r\nBitacora-Read: final\r\nBitacora-Log: a/b\r\nBitacora-Position: 4:1\r\nContent-Length: 0\r\n\r\n',
    ],
  ];
  for (const [what, bytes] of garbage) {
    it(`rejects a peer that sends ${what}`, async () => {
      await assert.rejects(ask(await rawPeer(bytes)));
    });
  }

  it('rejects where nobody listens', async () => {
    const http = await peer(() => {});
    const server = servers.pop();
    await new Promise((resolve) => server?.close(resolve));
    await assert.rejects(ask(http), /ECONNREFUSED/);
  });

  it('opens nothing to an address that is not host:port', async () => {
    const http = await peer((_, response) => sendHit(response));
    for (const address of [`user:pw@${http}`, `${http}/x`, `http://${http}`, '', 'x']) {
      await assert.rejects(ask(address), /host:port/);
    }
    assert.equal(transport.pools, 0);
  });

  it('opens nothing to an address that the allow-list does not name', async () => {
    const http = await peer((_, response) => sendHit(response));
    const closed = HttpPeerTransport.open({
      valueBytesMax: 1_024,
      allowed: new AllowedPeers(['10.0.0.0/8']),
    });
    const question = { key: 'k', partition: 0, timeoutMs: 1_000 };
    await assert.rejects(closed.ask({ ...question, http }), /PEER_ALLOW/);
    assert.equal(closed.pools, 0);
    await closed.close();
  });

  it('keeps so many pools, those used last', async () => {
    let connections = 0;
    const server = createServer((_, response) => sendHit(response));
    server.on('connection', () => connections++);
    const used = await listen(server);
    const [, port] = used.split(':');
    for (let i = 1; i <= POOLS_MAX + 6; i++) {
      // Nobody listens there: the pools count, not the answers.
      await ask(`127.1.0.${i}:${port}`, { timeoutMs: 200 }).catch(() => {});
      await ask(used);
    }
    assert.equal(transport.pools, POOLS_MAX);
    assert.equal(connections, 1);
  });

  it('closes the pool of a peer that was not asked for a minute', async () => {
    const clock = new ManualClock();
    await transport.close();
    transport = HttpPeerTransport.open({ valueBytesMax: VALUE_BYTES_MAX, clock });
    let closed = false;
    const server = createServer((_, response) => sendHit(response));
    server.on('connection', (socket) =>
      socket.on('close', () => {
        closed = true;
      }),
    );
    const left = await listen(server);
    const stays = await peer((_, response) => sendHit(response));
    await ask(left);
    clock.advance(59_999);
    await ask(stays);
    assert.equal(transport.pools, 2);
    clock.advance(1);
    await ask(stays);
    assert.equal(transport.pools, 1);
    await eventually('its connections are closed', () => closed);
    assert.equal((await ask(left)).entry?.kind, 'live');
  });

  it('rejects what is under way, and all later questions, once closed', async () => {
    let arrived = false;
    const http = await peer(() => {
      arrived = true;
    });
    const asking = ask(http);
    await eventually('the question arrives', () => arrived);
    const rejected = assert.rejects(asking);
    await transport.close();
    await rejected;
    await assert.rejects(ask(http), /closed/);
  });
});
