import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { eventually } from '../../helpers/eventually.ts';
import { openDoor } from '../../helpers/http-door.ts';
import { parseAnswers, RawHttp, rawExchange } from '../../helpers/raw-http.ts';

const TEMPLATE = Buffer.from(
  [
    'POST /rpc?key=a&value=b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc',
    'GET /rpc?key=a HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\n\r\n',
    'PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  ].join(''),
  'latin1',
);

const mutated = fc
  .array(fc.tuple(fc.nat(TEMPLATE.length - 1), fc.nat(255)), { maxLength: 4 })
  .chain((changes) =>
    fc.nat(TEMPLATE.length).map((length) => {
      const bytes = Buffer.from(TEMPLATE);
      for (const [at, byte] of changes) bytes[at] = byte;
      return bytes.subarray(0, length);
    }),
  );
const noise = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes));

test('whatever comes in, each answer is well-formed, and others are served', async (t) => {
  const { port, store, door } = await openDoor(t, { limits: { lingerMs: 20 } });
  store.seed('one', 'live', '1');
  const good = await RawHttp.connect(port);
  let asked = 0;
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated, noise), async (bytes) => {
      const got = await rawExchange(port, bytes);
      const answers = parseAnswers(got);
      const length = answers.reduce((sum, { body }) => sum + body.length, 0);
      assert.ok(length <= got.length);
      for (const { status, headers } of answers) {
        assert.ok(status >= 100 && status < 600);
        if (status >= 200) assert.equal(headers.get('cache-control'), 'no-store');
      }
      good.send('GET /rpc?key=one HTTP/1.1\r\nHost: x\r\n\r\n');
      const seen = await good.answers(++asked);
      assert.equal(seen[asked - 1]!.status, 200);
    }),
    { numRuns: 400 },
  );
  good.close();
  await eventually('no connection is left', () => door.connections === 0);
});

test('clients that break off anywhere leave nothing behind', async (t) => {
  const { port, door } = await openDoor(t);
  for (let length = 1; length < TEMPLATE.length; length += 5) {
    const client = await RawHttp.connect(port);
    client.send(TEMPLATE.subarray(0, length));
    client.socket.resetAndDestroy();
  }
  // Accepted after all of them.
  await rawExchange(port, 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually('no connection is left', () => door.connections === 0);
});
