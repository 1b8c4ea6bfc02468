import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { ZookeeperSession } from '../../../src/cluster/zookeeper-session.ts';
import { createLogger } from '../../../src/logger.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { eventually } from '../../helpers/eventually.ts';

/** What a server answers to opening a session: version 0, the time, session 1, an empty password. */
function welcome(sessionMs: number): Buffer {
  const bytes = Buffer.alloc(40);
  bytes.writeInt32BE(36, 0);
  bytes.writeInt32BE(sessionMs, 8);
  bytes.writeInt32BE(1, 16);
  bytes.writeInt32BE(16, 20);
  return bytes;
}

const WELCOME = welcome(3_000);

/** The answer to the call with this serial: nothing but an error number. */
function refusal(serial: number, error: number): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.writeInt32BE(16, 0);
  bytes.writeInt32BE(serial, 4);
  bytes.writeInt32BE(error, 16);
  return bytes;
}

describe('a ZooKeeper session on servers that are none', () => {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const sessions: ZookeeperSession[] = [];

  afterEach(async () => {
    await Promise.all(sessions.splice(0).map((session) => session.close()));
    for (const socket of sockets) socket.destroy();
    for (const server of servers.splice(0)) server.close();
  });

  async function serve(talk: (socket: Socket) => void): Promise<string> {
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      talk(socket);
    });
    server.listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  function open(hosts: string, sessionMs = 3_000): ZookeeperSession {
    const logger = createLogger('silent', false);
    const session = ZookeeperSession.open({ hosts, sessionMs, clock: systemClock, logger });
    sessions.push(session);
    return session;
  }

  test('nobody there: not connected, calls reject at once, and it closes', async () => {
    const session = open('127.0.0.1:1');
    assert.equal(session.connected, false);
    await assert.rejects(session.getData('/x'), { code: 'not_connected' });
    await session.close();
  });

  test('closed in the moment of its opening', async () => {
    const session = open(await serve((socket) => socket.write(WELCOME)));
    await session.close();
    assert.equal(session.connected, false);
  });

  test('a server that accepts and is silent is left again', async () => {
    let accepted = 0;
    open(await serve(() => accepted++));
    await eventually('a second attempt', () => accepted >= 2);
  });

  test('a server that speaks something else is left again', async () => {
    let accepted = 0;
    const session = open(
      await serve((socket) => {
        accepted++;
        socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      }),
    );
    await eventually('more attempts', () => accepted >= 3);
    assert.equal(session.connected, false);
  });

  test('an endless answer is cut', async () => {
    let accepted = 0;
    // 1 GiB is announced, and the session would allow 40 s of it.
    const block = Buffer.alloc(1024 * 1024, 0x41);
    open(
      await serve((socket) => {
        accepted++;
        const pour = () => {
          while (!socket.destroyed && socket.write(block));
        };
        socket.on('drain', pour);
        socket.once('data', () => {
          socket.write(welcome(60_000));
          pour();
        });
      }),
    );
    await eventually('it was cut', () => accepted >= 2);
  });

  test('errors that the library does not know end the connection, not the process', async () => {
    let accepted = 0;
    const session = open(
      await serve((socket) => {
        accepted++;
        let serial = -1;
        socket.on('data', () => {
          socket.write(serial < 0 ? WELCOME : refusal(serial, -999));
          serial++;
        });
      }),
    );
    await eventually('connected again', () => accepted >= 2);
    assert.equal(typeof session.connected, 'boolean');
  });

  test('answers to questions that were never asked end the connection', async () => {
    let accepted = 0;
    open(
      await serve((socket) => {
        accepted++;
        socket.once('data', () =>
          socket.write(Buffer.concat([WELCOME, refusal(77, 0), refusal(78, 0), refusal(-1, 0)])),
        );
      }),
    );
    await eventually('connected again', () => accepted >= 2);
  });

  test('half an answer of one connection is not read as the beginning of the next', async () => {
    let accepted = 0;
    const session = open(
      await serve((socket) => {
        accepted++;
        if (accepted === 1) socket.once('data', () => socket.end(WELCOME.subarray(0, 10)));
        else socket.once('data', () => socket.write(WELCOME));
      }),
    );
    await eventually('connected', () => session.connected);
    assert.equal(accepted, 2);
  });

  test('a connection that falls silent is noticed within the session', async () => {
    const session = open(await serve((socket) => socket.once('data', () => socket.write(WELCOME))));
    await eventually('connected', () => session.connected);
    const began = performance.now();
    const call = session.getData('/x');
    await assert.rejects(call, { code: 'connection_loss' });
    assert.equal(session.connected, false);
    assert.ok(performance.now() - began < 3_000);
  });

  test('what is no connect string is refused', () => {
    assert.throws(() => open('a:1:2'), TypeError);
  });
});
