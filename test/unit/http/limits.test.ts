import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deferred } from '../../../src/async.ts';
import { eventually } from '../../helpers/eventually.ts';
import { openDoor } from '../../helpers/http-door.ts';
import { parseAnswers, RawHttp, rawExchange, rawRequest } from '../../helpers/raw-http.ts';

const GET = 'GET /rpc?key=one HTTP/1.1\r\nHost: x\r\n\r\n';

function only(bytes: Buffer) {
  const answers = parseAnswers(bytes);
  assert.equal(answers.length, 1, `expected one answer: ${bytes}`);
  const [{ status, headers, text }] = answers as [(typeof answers)[0]];
  assert.equal(headers.get('cache-control'), 'no-store');
  return { status, headers, ...(JSON.parse(text) as { code: string; outcome?: string }) };
}

test('a head that does not come to its end gets 408 and is closed', async (t) => {
  const { port } = await openDoor(t, { limits: { headersMs: 150 } });
  const client = await RawHttp.connect(port);
  client.send('GET /rpc?key=one HTTP/1.1\r\nHo');
  const { status, code, headers } = only(await client.untilClosed());
  assert.deepEqual([status, code, headers.get('connection')], [408, 'timeout', 'close']);
});

test('so does the second head of a connection, after the first answer', async (t) => {
  const { port, store } = await openDoor(t, { limits: { headersMs: 150 } });
  store.seed('one', 'live', '1');
  const client = await RawHttp.connect(port);
  client.send(`${GET}GET /rpc`);
  const answers = parseAnswers(await client.untilClosed());
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 408],
  );
});

test('a body that does not come to its end gets 408, and nothing is written', async (t) => {
  const { port, store } = await openDoor(t, { limits: { headersMs: 150, requestMs: 250 } });
  const client = await RawHttp.connect(port);
  client.send('POST /rpc?key=a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc');
  const { status, code } = only(await client.untilClosed());
  assert.deepEqual([status, code], [408, 'timeout']);
  assert.deepEqual(store.calls, []);
});

test('a connection that never speaks is closed without a word', async (t) => {
  const { port } = await openDoor(t, { limits: { headersMs: 150 } });
  const client = await RawHttp.connect(port);
  assert.equal((await client.untilClosed()).length, 0);
});

test('a connection that falls silent between requests is closed', async (t) => {
  const { port } = await openDoor(t, { limits: { keepAliveMs: 10 } });
  const client = await RawHttp.connect(port);
  client.send(GET);
  assert.equal(parseAnswers(await client.untilClosed()).length, 1);
});

test('an empty line behind a request does not keep its connection open', async (t) => {
  const { port } = await openDoor(t, { limits: { keepAliveMs: 10, headersMs: 50 } });
  const client = await RawHttp.connect(port);
  t.after(() => client.close());
  client.send('GET /health HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.answers(1);
  client.send('\r\n');
  await client.untilClosed();
});

test('a head larger than 32 KiB gets 431, one just below is served', async (t) => {
  const { port } = await openDoor(t);
  const padded = (bytes: number) =>
    rawRequest(port, 'GET /health', { headers: [`X: ${'x'.repeat(bytes)}`] });
  assert.equal((await padded(32_000)).status, 200);
  const { status, text, headers } = await padded(33_000);
  assert.equal(status, 431);
  assert.equal(JSON.parse(text).code, 'head_too_large');
  assert.deepEqual(
    [headers.get('cache-control'), headers.get('connection')],
    ['no-store', 'close'],
  );
  const long = await rawRequest(port, `GET /rpc?key=${'k'.repeat(40_000)}`);
  assert.equal(long.status, 431);
});

test('a header behind thousands of others is still seen', async (t) => {
  const { port } = await openDoor(t);
  const many = Array.from({ length: 4_000 }, () => 'a:b');
  const headers = [...many, 'Origin: https://evil.example'];
  assert.equal((await rawRequest(port, 'GET /rpc?key=one', { headers })).status, 403);
});

test('a body that is announced too large gets 413 before it is sent', async (t) => {
  const { port, store } = await openDoor(t);
  const client = await RawHttp.connect(port);
  client.send('POST /rpc?key=a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n');
  const [{ status, text } = assert.fail()] = await client.answers(1);
  assert.deepEqual([status, JSON.parse(text).code], [413, 'too_large']);
  assert.deepEqual(store.calls, []);
  client.close();
});

test('a client that sends without end gets its 413 and is cut', async (t) => {
  const { port, store } = await openDoor(t, { limits: { valueBytesMax: 1_000, lingerMs: 200 } });
  for (const path of ['POST /rpc?key=a', 'DELETE /rpc?key=a', 'GET /rpc?key=a', 'PUT /nothing']) {
    const client = await RawHttp.connect(port);
    client.send(`${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
    const piece = `4000\r\n${'v'.repeat(16_384)}\r\n`;
    const pump = () => {
      while (!client.closed && client.socket.write(piece));
    };
    client.socket.on('drain', pump);
    pump();
    const [{ status } = assert.fail()] = await client.answers(1);
    assert.equal(status, 413, path);
    await eventually('the connection is cut', () => client.closed || client.socket.readableEnded);
    client.close();
  }
  assert.deepEqual(store.calls, []);
});

test('a client that reads only after it has sent too much still finds its 413', async (t) => {
  const { port } = await openDoor(t, { limits: { valueBytesMax: 1_000 } });
  const body = 'v'.repeat(60_000_000);
  const client = await RawHttp.connect(port);
  client.socket.pause();
  const head = `POST /rpc?key=a HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`;
  await new Promise((resolve) => client.socket.write(head + body, resolve));
  client.socket.resume();
  assert.equal(only(await client.untilClosed()).status, 413);
});

test('many tiny chunks make one value', async (t) => {
  const { port, store } = await openDoor(t);
  const count = 50_000;
  const body = `${'1\r\nv\r\n'.repeat(count)}0\r\n\r\n`;
  await rawExchange(
    port,
    `POST /rpc?key=a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
  );
  assert.equal(store.entries.get('a')!.value.toString(), 'v'.repeat(count));
});

test('bodies together are bounded: beyond it 503 overloaded, not written', async (t) => {
  const { port, store } = await openDoor(t, { limits: { bodiesBytesMax: 100_000 } });
  const gate = deferred<void>();
  store.gate = gate.promise;
  const body = 'v'.repeat(40_000);
  const held = [1, 2].map((n) => rawRequest(port, `POST /rpc?key=${n}`, { body }));
  await eventually('two wait for the log', () => store.calls.length === 2);
  const refused = await rawRequest(port, 'POST /rpc?key=3', { body });
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get('retry-after'), '1');
  const { code, outcome } = JSON.parse(refused.text);
  assert.deepEqual([code, outcome], ['overloaded', 'not_written']);
  gate.resolve();
  for (const { status } of await Promise.all(held)) assert.equal(status, 200);
  assert.equal((await rawRequest(port, 'POST /rpc?key=4', { body })).status, 200);
});

test('one connection more than there may be closes the one silent longest', async (t) => {
  const { port } = await openDoor(t, { limits: { connectionsMax: 20 } });
  const clients: RawHttp[] = [];
  for (let n = 0; n < 20; n++) clients.push(await RawHttp.connect(port));
  const [first, second] = clients as [RawHttp, RawHttp];
  first.send(GET);
  await first.answers(1);
  const more = await RawHttp.connect(port);
  await second.untilClosed();
  more.send(GET);
  await more.answers(1);
  first.send(GET);
  await first.answers(2);
  assert.equal(clients.filter(({ closed, socket }) => closed || socket.readableEnded).length, 1);
  for (const client of [...clients, more]) client.close();
});

test('so it does where all have begun a request: the newcomer is served', async (t) => {
  const { port, store } = await openDoor(t, { limits: { connectionsMax: 20 } });
  store.seed('one', 'live', '1');
  const half = 'POST /rpc?key=a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc';
  const clients: RawHttp[] = [];
  for (let n = 0; n < 20; n++) {
    const client = await RawHttp.connect(port);
    client.send(GET);
    await client.answers(1);
    clients.push(client);
  }
  const [first, second] = clients as [RawHttp, RawHttp];
  for (const client of clients.slice(1)) client.send(half);
  // The door has met the halves above once it has answered what was sent later.
  first.send(GET);
  await first.answers(2);
  first.send(half);
  const more = await RawHttp.connect(port);
  more.send(GET);
  assert.equal((await more.answers(1))[0]!.status, 200);
  await second.untilClosed();
  first.send('defghi');
  assert.equal((await first.answers(3))[2]!.status, 200);
  for (const client of [...clients, more]) client.close();
});

test('a request under way outlives a flood of silent connections', async (t) => {
  const { port, store } = await openDoor(t, { limits: { connectionsMax: 1_000 } });
  const gate = deferred<void>();
  store.gate = gate.promise;
  const writer = await RawHttp.connect(port);
  writer.send('POST /rpc?key=a&value=V HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually('it waits for the log', () => store.calls.length === 1);
  const good = await RawHttp.connect(port);
  const silent: RawHttp[] = [];
  for (let n = 0; n < 1_200; n++) {
    silent.push(await RawHttp.connect(port));
    if (n % 200 === 0) {
      good.send(GET);
      await good.answers(1 + n / 200);
    }
  }
  gate.resolve();
  assert.equal((await writer.answers(1))[0]!.status, 200);
  await eventually(
    'the first 202 silent ones are closed',
    () => silent.filter(({ socket }) => socket.readableEnded || socket.destroyed).length === 202,
  );
  for (const client of [...silent, writer, good]) client.close();
});

test('a client that does not read its answers is not served further', async (t) => {
  const { port, store } = await openDoor(t, { limits: { connectionAnswersBytesMax: 2_000_000 } });
  store.seed('one', 'live', 'v'.repeat(1_000_000));
  const client = await RawHttp.connect(port);
  client.socket.pause();
  client.send(GET.repeat(500));
  await eventually('the first are read', () => store.calls.length > 0);
  // Another connection's answers show that the door has had its turns to go on.
  for (let n = 0; n < 20; n++) await rawRequest(port, 'GET /health');
  assert.ok(store.calls.length < 20, `${store.calls.length} were served`);
  client.close();
});

test('answers left unread are closed after a while', async (t) => {
  const { port, store, door } = await openDoor(t, { limits: { unreadMs: 200 } });
  store.seed('one', 'live', 'v'.repeat(1_000_000));
  const client = await RawHttp.connect(port);
  client.socket.pause();
  client.send(GET.repeat(100));
  await eventually('the door lets go of it', () => door.connections === 0);
  client.close();
});

test('so are answers of express, whose bytes nobody counts', async (t) => {
  const status = () => ({ filler: 'v'.repeat(1_000_000) });
  const { port, door } = await openDoor(t, { limits: { unreadMs: 200 }, status });
  const client = await RawHttp.connect(port);
  client.socket.pause();
  client.send('GET /status HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(30));
  await eventually('the door lets go of it', () => door.connections === 0);
  client.close();
});

test('a client that reads late gets all its answers', async (t) => {
  const { port, store } = await openDoor(t, { limits: { connectionAnswersBytesMax: 100_000 } });
  store.seed('one', 'live', 'v'.repeat(50_000));
  const client = await RawHttp.connect(port);
  client.socket.pause();
  client.send(GET.repeat(300));
  await eventually('the first are read', () => store.calls.length > 0);
  client.socket.resume();
  const answers = await client.answers(300);
  assert.ok(answers.every(({ status }) => status === 200));
  client.close();
});

test('where memory for answers runs short, clients that read nothing make room', async (t) => {
  const now = { ms: 0 };
  const { port, store, door } = await openDoor(t, {
    limits: { answersBytesMax: 12_000_000 },
    clock: {
      now: () => Date.now(),
      monotonic: () => now.ms,
      after: (ms, callback) => {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
      },
    },
  });
  store.seed('one', 'live', 'v'.repeat(8_000_000));
  const stalled = await RawHttp.connect(port);
  stalled.socket.pause();
  stalled.send(GET);
  await eventually('it is answered', () => store.calls.length === 1);
  const refused = await rawRequest(port, 'GET /rpc?key=one');
  assert.deepEqual([refused.status, JSON.parse(refused.text).code], [503, 'overloaded']);
  assert.equal((await rawRequest(port, 'GET /rpc?key=none')).status, 404);
  now.ms += 3_000;
  assert.equal((await rawRequest(port, 'GET /rpc?key=one')).status, 200);
  stalled.socket.resume();
  assert.ok((await stalled.untilClosed()).length < 8_000_000);
  await eventually('no connection is left', () => door.connections === 0);
});

test('what waits in many connections is bounded too: who has the most under way is closed', async (t) => {
  const { port, store, door } = await openDoor(t, { limits: { answersBytesMax: 1_000_000 } });
  store.seed('one', 'live', '1');
  const gate = deferred<void>();
  store.gate = gate.promise;
  store.immediate = false;
  const good = await RawHttp.connect(port);
  good.send(GET);
  await eventually('it waits', () => store.calls.length > 0);
  const flooders = await Promise.all(Array.from({ length: 10 }, () => RawHttp.connect(port)));
  for (const flooder of flooders) flooder.send(GET.repeat(1_000));
  await Promise.all(flooders.map((flooder) => flooder.untilClosed()));
  await eventually('only the good one is left', () => door.connections === 1);
  gate.resolve();
  assert.equal((await good.answers(1))[0]!.status, 200);
  good.close();
});

test('a flood of pipelined requests that wait is not read without bound, and answered in order', async (t) => {
  const { port, store } = await openDoor(t, { limits: { pipelinedMax: 50 } });
  const gate = deferred<void>();
  store.gate = gate.promise;
  store.immediate = false;
  const client = await RawHttp.connect(port);
  const count = 20_000;
  for (let n = 0; n < count; n++) client.send(`GET /rpc?key=${n} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await eventually('the first are read', () => store.calls.length >= 50);
  // Another connection's answers show that the door has had its turns to read on.
  for (let n = 0; n < 20; n++) await rawRequest(port, 'GET /health');
  assert.ok(store.calls.length < 6_000, `${store.calls.length} are under way`);
  gate.resolve();
  const answers = await client.answers(count);
  const expected = Array.from({ length: count }, (_, n) => `{"message":"Key ${n} not found"}`);
  assert.deepEqual(
    answers.map(({ text }) => text),
    expected,
  );
  client.close();
});

test('bodies of writes that wait for the one before them are not read without bound', async (t) => {
  const { port, store } = await openDoor(t);
  const gate = deferred<void>();
  store.gate = gate.promise;
  const client = await RawHttp.connect(port);
  const body = 'v'.repeat(10_000);
  const write = `POST /rpc?key=a HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const count = 1_000;
  for (let n = 0; n < count; n++) client.send(write);
  await eventually('the first is under way', () => store.calls.length === 1);
  for (let n = 0; n < 20; n++) await rawRequest(port, 'GET /health');
  assert.ok(client.socket.writableLength > 0, 'the door has taken everything');
  gate.resolve();
  const answers = await client.answers(count);
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(store.calls.length, count);
  client.close();
});
