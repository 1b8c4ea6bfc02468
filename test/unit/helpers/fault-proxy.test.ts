import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { eventually } from '../../helpers/eventually.ts';
import { FaultProxy } from '../../helpers/fault-proxy.ts';

describe('FaultProxy', () => {
  let echo: Server;
  let proxy: FaultProxy;
  const sockets = new Set<Socket>();

  before(async () => {
    echo = createServer((socket) => {
      socket.on('error', () => {});
      socket.pipe(socket);
    });
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
  });
  after(() => echo.close());
  beforeEach(async () => {
    const { port } = echo.address() as AddressInfo;
    proxy = await FaultProxy.open({ target: { host: '127.0.0.1', port } });
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    await proxy.close();
  });

  function dial(): Socket {
    const socket = connect(proxy.port, '127.0.0.1');
    socket.on('error', () => {});
    sockets.add(socket);
    return socket;
  }

  async function echoed(socket: Socket, text: string): Promise<string> {
    socket.write(text);
    let got = '';
    while (got.length < text.length) got += String((await once(socket, 'data'))[0]);
    return got;
  }

  function closed(socket: Socket): Promise<void> {
    return new Promise((resolve) => socket.once('close', () => resolve()));
  }

  /** True when nothing comes back within `ms`. */
  async function isSilent(socket: Socket, ms: number): Promise<boolean> {
    socket.write('lost');
    const signal = AbortSignal.timeout(ms);
    return once(socket, 'data', { signal }).then(
      () => false,
      () => true,
    );
  }

  test('passes bytes both ways and counts', async () => {
    const socket = dial();
    assert.equal(await echoed(socket, 'hello'), 'hello');
    assert.equal(proxy.connections, 1);
    await eventually('both ways are counted', () => proxy.counters.bytesDown === 5);
    assert.deepEqual(proxy.counters, { accepted: 1, refused: 0, bytesUp: 5, bytesDown: 5 });
    socket.end();
    await eventually('the link is gone', () => proxy.connections === 0);
  });

  test('cut ends what is open and refuses, until healed', async () => {
    const first = dial();
    await echoed(first, 'a');
    proxy.cut();
    await closed(first);
    const second = dial();
    await closed(second);
    assert.equal(proxy.counters.refused, 1);
    assert.equal(proxy.connections, 0);
    proxy.heal();
    assert.equal(await echoed(dial(), 'b'), 'b');
  });

  test('a black hole swallows and keeps connections open; healing ends those', async () => {
    const first = dial();
    await echoed(first, 'a');
    proxy.blackhole();
    assert.ok(await isSilent(first, 100));
    const second = dial();
    await once(second, 'connect');
    assert.ok(await isSilent(second, 100));
    assert.equal(first.destroyed, false);
    proxy.heal();
    if (!first.destroyed) await closed(first);
    assert.equal(await echoed(dial(), 'c'), 'c');
  });

  test('a black hole of one direction lets the other through', async () => {
    const socket = dial();
    await echoed(socket, 'a');
    const { bytesUp, bytesDown } = proxy.counters;
    proxy.blackhole('down');
    assert.ok(await isSilent(socket, 100));
    assert.equal(proxy.counters.bytesUp, bytesUp + 4);
    assert.equal(proxy.counters.bytesDown, bytesDown);
  });

  test('delays', async () => {
    const socket = dial();
    await echoed(socket, 'a');
    proxy.delay(60);
    const began = performance.now();
    await echoed(socket, 'b');
    const once = performance.now() - began;
    assert.ok(once >= 115, `${once} ms`);
  });

  test('delays a stream as a whole, not each piece after the other', async () => {
    const socket = dial();
    await echoed(socket, 'a');
    proxy.delay(100);
    const began = performance.now();
    for (let sent = 0; sent < 10; sent++) {
      socket.write('piece');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await eventually('all came back', () => proxy.counters.bytesDown === 51);
    assert.ok(performance.now() - began < 600);
  });

  test('limits the rate', async () => {
    const socket = dial();
    proxy.rate(10_000);
    const began = performance.now();
    await echoed(socket, 'x'.repeat(2_000));
    assert.ok(performance.now() - began >= 180);
  });

  test('leads to another target, ending what is open', async () => {
    const other = createServer((socket) => socket.on('error', () => {}).end('other'));
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const open = dial();
    assert.equal(await echoed(open, 'echo'), 'echo');
    const ended = closed(open);
    proxy.retarget({ host: '127.0.0.1', port: (other.address() as AddressInfo).port });
    await ended;
    const [answer] = await once(dial(), 'data');
    assert.equal(String(answer), 'other');
    other.close();
  });

  test('resets', async () => {
    const socket = dial();
    await echoed(socket, 'a');
    const failed = new Promise<NodeJS.ErrnoException>((resolve) => socket.once('error', resolve));
    proxy.reset();
    assert.equal((await failed).code, 'ECONNRESET');
    assert.equal(await echoed(dial(), 'b'), 'b');
  });
});
