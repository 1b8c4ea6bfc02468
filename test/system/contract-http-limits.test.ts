import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { parseAnswers, RawHttp } from '../helpers/raw-http.ts';
import { TestNode } from '../helpers/test-node.ts';

const CONNECTIONS_MAX = 4_096;
const VALUE_BYTES_MAX = 1_024;
const GET = 'GET /rpc?key=none HTTP/1.1\r\nHost: x\r\n\r\n';
const CHUNK = `400\r\n${'v'.repeat(1_024)}\r\n`;

describe('the limits of the HTTP door', () => {
  let node: TestNode;
  let port: number;
  before(async () => {
    const env = { STORAGE: 'memory', VALUE_BYTES_MAX: String(VALUE_BYTES_MAX) };
    node = await TestNode.start({ env });
    port = Number(node.http.split(':')[1]);
  });
  after(() => node.dispose());

  const opened = async (bytes = '') => {
    const client = await RawHttp.connect(port);
    if (bytes !== '') client.send(bytes);
    return client;
  };

  it('give a body without end its 413, and one announced too large before it is sent', async () => {
    const endless = await opened(
      'POST /rpc?key=endless HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    const sending = setInterval(() => endless.send(CHUNK), 5);
    try {
      const [answer] = await endless.answers(1);
      assert.equal(answer?.status, 413);
      await endless.untilClosed();
    } finally {
      clearInterval(sending);
    }
    const announced = await opened(
      'POST /rpc?key=endless HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1025\r\n\r\n',
    );
    const [answer] = await announced.answers(1);
    assert.equal(answer?.status, 413);
    announced.close();
    assert.equal((await node.get('endless')).status, 404);
  });

  it('close half heads after 10 s, and whoever never speaks; not whoever waits', async () => {
    const since = performance.now();
    const [half, silent, kept] = await Promise.all([
      opened('GET /rpc?key=none HTTP/1.1\r\nHo'),
      opened(),
      opened(GET),
    ]);
    const [answered, wordless] = await Promise.all([half.untilClosed(), silent.untilClosed()]);
    const after = performance.now() - since;
    assert.ok(after >= 9_500 && after < 13_500, `${after} ms`);
    const [answer, ...more] = parseAnswers(answered);
    assert.deepEqual([answer?.status, more.length, wordless.length], [408, 0, 0]);
    assert.equal(JSON.parse(answer?.text ?? '').code, 'timeout');
    assert.equal(kept.closed, false);
    kept.send(GET);
    assert.equal((await kept.answers(2)).length, 2);
    kept.close();
  });

  it('let one connection more than 4,096 in, and the one silent longest go', {
    timeout: 60_000,
  }, async () => {
    const busy = await opened(GET);
    await busy.answers(1);
    const silent = [await opened()];
    const clients = [busy, ...silent];
    let asked = 1;
    try {
      while (silent.length < CONNECTIONS_MAX) {
        const wave = Math.min(256, CONNECTIONS_MAX - silent.length);
        const more = await Promise.all(Array.from({ length: wave }, () => opened()));
        silent.push(...more);
        clients.push(...more);
        // Never silent for long.
        busy.send(GET);
        await busy.answers(++asked);
      }
      await eventually('one is closed', () => silent.some(({ socket }) => socket.readableEnded));
      const closed = silent.flatMap(({ socket }, i) => (socket.readableEnded ? [i] : []));
      assert.deepEqual(closed, [0]);
      busy.send(GET);
      const last = silent.at(-1);
      last?.send(GET);
      assert.equal((await last?.answers(1))?.[0]?.status, 404);
    } finally {
      for (const client of clients) client.close();
    }
  });
});
