import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openDoor } from '../../helpers/http-door.ts';
import { parseAnswers, RawHttp, rawExchange } from '../../helpers/raw-http.ts';

const UPGRADE = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAA\r\n';
const NEXT = 'GET /rpc?key=one HTTP/1.1\r\nHost: x\r\n\r\n';

/** What `npm run fuzz` and the hostile clients found, each as small as it could be made. */
describe('the HTTP door, finds of the fuzz', () => {
  for (const target of ['http://x:y?key=a', 'http://[', 'http://', 'x://y', '*', '//', '/%']) {
    it(`answers ${target}, which is no path, as it answers any unknown path`, async (t) => {
      const { port } = await openDoor(t);
      const got = await rawExchange(port, `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
      const [answer] = parseAnswers(got);
      assert.equal(answer?.status, 404);
      assert.equal(answer?.headers.get('content-type'), 'application/json');
      assert.equal(JSON.parse(answer?.text ?? '').code, 'not_found');
    });
  }

  const half = [
    'POST /rpc?key=a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n',
    'POST /rpc?key=a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n',
    'GET /rpc?key=a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n',
  ];
  for (const head of half) {
    it(`does not wait for more of a body when the client has closed its side: ${head}`, async (t) => {
      const { port } = await openDoor(t, { limits: { requestMs: 60_000 } });
      for (const more of ['', UPGRADE]) {
        const [answer] = parseAnswers(await rawExchange(port, `${head}${more}\r\n3\r\nab`));
        assert.equal(answer?.status, 400);
        assert.equal(answer?.headers.get('connection'), 'close');
      }
    });
  }

  it('keeps a connection whose client offers to upgrade with each request', async (t) => {
    const { port, store } = await openDoor(t);
    store.seed('one', 'live', '1');
    const client = await RawHttp.connect(port);
    const get = `GET /rpc?key=one HTTP/1.1\r\nHost: x\r\n${UPGRADE}\r\n`;
    const post = `POST /rpc?key=a HTTP/1.1\r\nHost: x\r\n${UPGRADE}Content-Length: 3\r\n\r\nabc`;
    for (const [n, bytes] of [get, post, get, NEXT].entries()) {
      client.send(bytes);
      const answer = (await client.answers(n + 1))[n];
      assert.deepEqual([answer?.status, answer?.headers.get('connection')], [200, 'keep-alive']);
    }
    client.close();
  });

  it('says that it closes where the parser drops what follows an offer to upgrade', async (t) => {
    const { port, store } = await openDoor(t);
    store.seed('one', 'live', '1');
    const offers = [
      `GET /rpc?key=one HTTP/1.1\r\nHost: x\r\n${UPGRADE}\r\n`,
      `POST /rpc?key=a HTTP/1.1\r\nHost: x\r\n${UPGRADE}Content-Length: 3\r\n\r\nabc`,
      `POST /rpc?key=a HTTP/1.1\r\nHost: x\r\n${UPGRADE}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`,
    ];
    for (const offer of offers) {
      const client = await RawHttp.connect(port);
      client.send(`${NEXT}${offer}${NEXT}${NEXT}`);
      const answers = parseAnswers(await client.untilClosed());
      assert.deepEqual(
        answers.map(({ status, headers }) => [status, headers.get('connection')]),
        [
          [200, 'keep-alive'],
          [200, 'close'],
        ],
      );
    }
  });

  it('makes large answers in turns, so that a small one need not wait for all', async (t) => {
    const { port, store } = await openDoor(t);
    store.seed('one', 'live', '1');
    store.seed('large', 'live', 'v'.repeat(1_000_000));
    const greedy = await Promise.all(Array.from({ length: 20 }, () => RawHttp.connect(port)));
    const good = await RawHttp.connect(port);
    for (const client of [...greedy, good]) {
      client.send(NEXT);
      await client.answers(1);
    }
    store.calls.length = 0;
    for (const client of greedy) {
      client.send('GET /rpc?key=large HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(10));
    }
    good.send(NEXT);
    await good.answers(2);
    const before = store.calls.indexOf('getNow one');
    // Each was looked at, one was answered.
    assert.ok(before <= 40, `${before} others before`);
    for (const client of greedy) {
      const [, ...answers] = await client.answers(11);
      assert.ok(answers.every(({ status, body }) => status === 200 && body.length > 1_000_000));
      client.close();
    }
    good.close();
  });
});
