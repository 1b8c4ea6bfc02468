import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it, type TestContext } from 'node:test';
import { PING } from '../../src/codec/rpc-calls.ts';
import { Crowd, type CrowdOptions } from '../helpers/crowd.ts';
import { eventually } from '../helpers/eventually.ts';
import { GoodClient } from '../helpers/good-client.ts';
import { isRunning, openFiles, openFilesMax, residentMiB } from '../helpers/process-figures.ts';
import { callFrame, frame, HANDSHAKE } from '../helpers/rpc-socket.ts';
import { TestNode } from '../helpers/test-node.ts';

const MIB = 1_048_576;
const IDLE_WISHED = 5_000;
/** What a door bears, contract §3. */
const CONNECTIONS_MAX = 4_096;
/** Bodies and answers of HTTP, and all of Avro, 256 MiB each; the cache; the program itself. */
const MEMORY_MIB_MAX = 3 * 256 + 64 + 300;
/** Generous: the machine may be busy, and what is told apart is served and not served. */
const GOOD_CLIENT_MS_MAX = 10_000;
const SLOW_HEAD = 'GET /rpc?key=good-http HTTP/1.1\r\nHost: x\r\nX-Slow: ';
const SLOW_BODY = 'POST /rpc?key=slow HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n';
const GET_LARGE = 'GET /rpc?key=large HTTP/1.1\r\nHost: x\r\n\r\n';

function ints(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeInt32BE(value, i * 4);
  return bytes;
}

/** Contract §8.6: no input from the network stops a node or another client's connection. */
describe('a node among hostile clients', () => {
  let node: TestNode;
  let client: GoodClient;
  let files = 0;
  const crowds: Crowd[] = [];
  /** Begun first and looked at last, for their time limits are long. */
  let slow: { readonly heads: Crowd; readonly bodies: Crowd; readonly frames: Crowd };

  const crowd = async (door: 'http' | 'avro', count: number, options: CrowdOptions = {}) => {
    const made = await Crowd.open(node[door], count, options);
    crowds.push(made);
    return made;
  };
  const served = async (t: TestContext) => {
    assert.ok(isRunning(node.pid), node.tail());
    const figures = await client.take();
    const mib = residentMiB(node.pid);
    const { rounds, worstHttpMs, worstAvroMs } = figures;
    t.diagnostic(`${rounds} rounds, at worst ${worstHttpMs} and ${worstAvroMs} ms, ${mib} MiB`);
    assert.deepEqual(figures.faults, []);
    assert.ok(Math.max(worstHttpMs, worstAvroMs) < GOOD_CLIENT_MS_MAX, 'the good client waits');
    assert.ok(mib < MEMORY_MIB_MAX, `${mib} MiB`);
  };

  before(async () => {
    node = await TestNode.start({ env: { STORAGE: 'memory', CACHE_BYTES_MAX: `${64 * MIB}` } });
    assert.equal((await node.put('large', Buffer.alloc(MIB, 'a'))).status, 200);
    client = await GoodClient.start(node);
    files = openFiles(node.pid);
  });
  after(async () => {
    for (const each of crowds) each.close();
    await client?.stop();
    await node?.dispose();
  });

  it('with 5,000 idle connections on each door', async (t) => {
    const room = Math.floor((Math.min(openFilesMax(process.pid), 20_000) - 2_000) / 2);
    const count = Math.min(IDLE_WISHED, room);
    const http = await crowd('http', count);
    const avro = await crowd('avro', count);
    t.diagnostic(`${http.opened} and ${avro.opened} of ${count} connected`);
    assert.deepEqual([http.opened, avro.opened], [count, count]);
    await served(t);
    const open = openFiles(node.pid) - files;
    assert.ok(open <= 2 * CONNECTIONS_MAX, `${open} open files more`);
    if (count > CONNECTIONS_MAX) {
      await eventually('those beyond the limit are closed', () => avro.left <= CONNECTIONS_MAX);
    }
    http.close();
    avro.close();
    await served(t);
  });

  it('with heads, bodies and frames that come byte by byte', async (t) => {
    const heads = await crowd('http', 200, { says: () => SLOW_HEAD });
    const bodies = await crowd('http', 200, { says: () => SLOW_BODY });
    const half = frame(1, HANDSHAKE, PING).subarray(0, 20);
    const frames = await crowd('avro', 200, { says: () => half });
    for (const some of [heads, bodies, frames]) some.drip('a', 500);
    slow = { heads, bodies, frames };
    await served(t);
  });

  it('with garbage on both ports', async (t) => {
    const says = (n: number) => {
      if (n % 4 === 0) return GET_LARGE.replace('large', 'good-http');
      if (n % 4 === 1) return Buffer.concat([frame(n, HANDSHAKE, PING), randomBytes(300)]);
      if (n % 4 === 2) return Buffer.from('16030100f8010000f40303', 'hex');
      return randomBytes(1 + (n % 400));
    };
    const http = await crowd('http', 600, { says });
    const avro = await crowd('avro', 600, { says });
    await eventually('HTTP says what it thinks of it', () => http.heard('HTTP/1.1 400') >= 300);
    await eventually('HTTP answers what is right', () => http.heard('HTTP/1.1 200') === 150);
    // TLS begins as a frame with too many parts; what is no frame at all is closed at once.
    await eventually('most are closed', () => http.left < 350 && avro.left < 350);
    await served(t);
    http.close();
    avro.close();
  });

  it('with lengths that nothing follows', async (t) => {
    const bombs = [
      ints(1, 0x7fffffff, -4),
      ints(1, 0x7fffffff),
      ints(1, 1, 0x7fffffff),
      ints(1, 1, -4),
      ints(1, 4_097),
      Buffer.concat([frame(1, HANDSHAKE, PING), ints(2, 1, 2 * MIB)]),
      Buffer.concat([frame(1, HANDSHAKE, PING), ints(2, 2, MIB), Buffer.alloc(MIB), ints(MIB)]),
    ];
    const bodies = [
      'Content-Length: 9007199254740991\r\n\r\n',
      'Content-Length: 99999999999999999999\r\n\r\n',
      'Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n',
      'Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n',
    ];
    const head = 'POST /rpc?key=bomb HTTP/1.1\r\nHost: x\r\n';
    const avro = await crowd('avro', 350, { says: (n) => bombs[n % bombs.length] ?? '' });
    const http = await crowd('http', 400, { says: (n) => `${head}${bodies[n % bodies.length]}` });
    await eventually('the Avro door closes all of them', () => avro.left === 0);
    await eventually('HTTP refuses what cannot be', () => http.heard('HTTP/1.1 4') >= 200);
    await served(t);
    http.close();
  });

  it('with more bodies and frames under way than there is memory for', async (t) => {
    const most = Buffer.alloc(900_000, 'a');
    const head = 'POST /rpc?key=heavy HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n';
    const body = Buffer.concat([Buffer.from(head), most]);
    const started = Buffer.concat([frame(1, HANDSHAKE, PING), ints(2, 1, 1_000_000), most]);
    const [http, avro] = await Promise.all([
      crowd('http', 400, { says: () => body }),
      crowd('avro', 400, { says: () => started }),
    ]);
    await eventually('HTTP refuses some', () => http.heard('HTTP/1.1 503') > 0, {
      withinMs: 20_000,
    });
    // Sooner than a frame that does not end is closed.
    await eventually('Avro closes some', () => avro.left < 400, { withinMs: 8_000 });
    await served(t);
    http.close();
    avro.close();
  });

  it('with clients that ask for much and read nothing', async (t) => {
    const calls = Array.from({ length: 100 }, (_, n) => callFrame(n + 2, 'getValue', 'large'));
    const asked = Buffer.concat([frame(1, HANDSHAKE, PING), ...calls]);
    const requests = Buffer.from(GET_LARGE.repeat(100));
    await crowd('avro', 150, { says: () => asked, reads: false });
    // More than the memory for answers that are not read.
    await crowd('http', 400, { says: () => requests, reads: false });
    await served(t);
    const connected = openFiles(node.pid);
    await eventually(
      'those that read nothing make room for one that reads',
      async () => {
        const { status } = await node.get('large');
        return status === 200 && openFiles(node.pid) < connected - 20;
      },
      { withinMs: 180_000 },
    );
    await served(t);
  });

  it('with clients that come and break off at once', async (t) => {
    for (let round = 0; round < 8; round++) {
      const says = () => (round % 2 === 0 ? SLOW_BODY : frame(1, HANDSHAKE, PING).subarray(0, 30));
      (await crowd('http', 250, { says })).close();
      (await crowd('avro', 250, { says })).close();
    }
    await served(t);
  });

  it('closes those that are slow, and nothing of all this is left', async (t) => {
    const { heads, bodies, frames } = slow;
    await eventually('half frames', () => frames.left === 0, { withinMs: 20_000 });
    await eventually('slow heads', () => heads.left === 0, { withinMs: 20_000 });
    await eventually('slow bodies', () => bodies.left === 0, { withinMs: 40_000 });
    assert.equal(heads.heard('HTTP/1.1 408'), 200);
    assert.equal(bodies.heard('HTTP/1.1 408'), 200);
    for (const each of crowds) each.close();
    await eventually('all files are closed', () => openFiles(node.pid) <= files + 10, {
      withinMs: 60_000,
    });
    await served(t);
    const errors = node.log.filter(
      (line) => !line.startsWith('{"level":') || /^{"level":[56]0/.test(line),
    );
    assert.deepEqual(errors, []);
  });
});
