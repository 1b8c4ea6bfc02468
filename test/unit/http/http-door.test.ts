import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deferred } from '../../../src/async.ts';
import { HttpDoor } from '../../../src/http/http-door.ts';
import { eventually } from '../../helpers/eventually.ts';
import { openDoor } from '../../helpers/http-door.ts';
import { parseAnswers, RawHttp, rawExchange, rawRequest } from '../../helpers/raw-http.ts';

const request = (line: string) => `${line} HTTP/1.1\r\nHost: x\r\n\r\n`;

test('200 pipelined requests are answered in order, whichever is ready first', async (t) => {
  const { port, store } = await openDoor(t);
  const gates = new Map<string, ReturnType<typeof deferred<void>>>();
  const { getNow, getLocal } = store;
  store.getNow = (key) => (Number(key) % 2 === 0 ? getNow.call(store, key) : undefined);
  store.get = async (key) => {
    const gate = deferred<void>();
    gates.set(key, gate);
    await gate.promise;
    return getLocal.call(store, key);
  };
  const client = await RawHttp.connect(port);
  t.after(() => client.close());
  for (let n = 0; n < 200; n++) client.send(request(`GET /rpc?key=${n}`));
  await eventually('all that wait are under way', () => gates.size === 100);
  for (const gate of [...gates.values()].reverse()) gate.resolve();
  const answers = await client.answers(200);
  assert.deepEqual(
    answers.map(({ text }) => text),
    answers.map((_, n) => `{"message":"Key ${n} not found"}`),
  );
});

test('a request behind a write of the same connection is not run before that has its answer', async (t) => {
  const { port, store } = await openDoor(t);
  const gate = deferred<void>();
  store.seed('a', 'live', 'old');
  store.gate = gate.promise;
  const client = await RawHttp.connect(port);
  t.after(() => client.close());
  const lines = ['POST /rpc?key=a&value=new', 'GET /rpc?key=a', 'GET /status', 'DELETE /rpc?key=a'];
  for (const line of [...lines, 'HEAD /rpc?key=b', 'GET /rpc?key=a']) client.send(request(line));
  await eventually('the write is under way', () => store.calls.length === 1);
  // Another connection's answers show that the door has had its turns to go on.
  for (let n = 0; n < 20; n++) {
    const answer = parseAnswers(await rawExchange(port, request('GET /rpc?key=a')))[0];
    assert.equal(JSON.parse(answer?.text ?? '').value, 'old');
  }
  assert.ok(!store.calls.some((call) => call.startsWith('delete')));
  gate.resolve();
  const answers = await client.answers(4);
  assert.equal(JSON.parse(answers[1]?.text ?? '').value, 'new');
  await eventually('the last one has its answer', () =>
    client.received.includes('Key a not found'),
  );
  assert.equal(store.calls.at(-1), 'getNow a');
});

test('a write is not run before the reads before it on the same connection have their answers', async (t) => {
  const { port, store } = await openDoor(t);
  const gate = deferred<void>();
  store.immediate = false;
  store.gate = gate.promise;
  const client = await RawHttp.connect(port);
  t.after(() => client.close());
  client.send(request('GET /rpc?key=a').repeat(3) + request('POST /rpc?key=a&value=new'));
  await eventually('the reads are side by side', () => {
    return store.calls.filter((call) => call === 'get a').length === 3;
  });
  assert.ok(!store.calls.some((call) => call.startsWith('put')));
  gate.resolve();
  const answers = await client.answers(4);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [404, 404, 404, 200],
  );
});

test('requests that wait are answered although the last one behind them never comes to its end', {
  timeout: 10_000,
}, async (t) => {
  const { port, store } = await openDoor(t, { limits: { requestMs: 200, headersMs: 200 } });
  const gate = deferred<void>();
  store.gate = gate.promise;
  const client = await RawHttp.connect(port);
  t.after(() => client.close());
  client.send(request('POST /rpc?key=a&value=new') + request('GET /rpc?key=a'));
  const half = 'POST /rpc?key=b HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf';
  client.send(half);
  await eventually('the write is under way', () => store.calls.length === 1);
  // What came later is given up, so the half one is by now.
  const later = await RawHttp.connect(port);
  later.send(half);
  assert.match((await later.untilClosed()).toString(), /^HTTP\/1.1 408/);
  gate.resolve();
  const answers = parseAnswers(await client.untilClosed());
  assert.deepEqual(
    answers.map(({ status, headers }) => [status, headers.get('connection')]),
    [
      [200, 'keep-alive'],
      [200, 'keep-alive'],
      [408, 'close'],
    ],
  );
  assert.equal(JSON.parse(answers[1]?.text ?? '').value, 'new');
  assert.ok(!store.calls.some((call) => call.startsWith('put b')));
});

test('a whole request that waits gets its own answer, not that of the garbage behind it', async (t) => {
  const { port } = await openDoor(t);
  const whole = 'GET /rpc?key=a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nxyz';
  const got = await rawExchange(
    port,
    `${request('POST /rpc?key=a&value=v')}${whole}garbage\r\n\r\n`,
  );
  const statuses = parseAnswers(got).map(({ status }) => status);
  assert.deepEqual(statuses, [200, 200, 400]);
});

test('writes that came in one piece are run one after the other, their bodies with them', async (t) => {
  const { port, store } = await openDoor(t);
  const client = await RawHttp.connect(port);
  t.after(() => client.close());
  const bodies = Array.from({ length: 300 }, (_, n) => 'v'.repeat(n * 40 + 1));
  const write = (body: string) =>
    `POST /rpc?key=a HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  client.send(bodies.map(write).join('') + request('GET /rpc?key=a'));
  const answers = await client.answers(301);
  assert.equal(JSON.parse(answers.at(-1)?.text ?? '').value, bodies.at(-1));
  assert.deepEqual(
    store.calls.filter((call) => call.startsWith('put')),
    bodies.map((body) => `put a ${body.length}`),
  );
});

test('a client that closes its side after the request still gets its answer', async (t) => {
  const { port, store } = await openDoor(t);
  const gate = deferred<void>();
  store.gate = gate.promise;
  const got = rawExchange(port, request('POST /rpc?key=a&value=v').repeat(2));
  await eventually('the first is under way', () => store.calls.length === 1);
  gate.resolve();
  assert.equal(parseAnswers(await got).filter(({ status }) => status === 200).length, 2);
});

test('clients that die while they wait leave nothing behind', async (t) => {
  const { port, store, door } = await openDoor(t);
  const gate = deferred<void>();
  store.gate = gate.promise;
  store.immediate = false;
  const clients = await Promise.all(Array.from({ length: 20 }, () => RawHttp.connect(port)));
  for (const client of clients) {
    client.send(request('GET /rpc?key=a').repeat(5));
    client.send('POST /rpc?key=a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc');
  }
  const reads = () => store.calls.filter((call) => call.startsWith('get '));
  await eventually('all are under way', () => reads().length === 100);
  for (const client of clients) client.socket.resetAndDestroy();
  await eventually('the door lets go of them', () => door.connections === 0);
  await door.drain(60_000);
  gate.resolve();
  assert.ok(!store.calls.some((call) => call.startsWith('put')));
});

test('HEAD and errors leave the connection usable', async (t) => {
  const { port, store } = await openDoor(t);
  store.seed('one', 'live', '1');
  const bytes = [
    'HEAD /rpc?key=one',
    'HEAD /rpc',
    'HEAD /status',
    'HEAD /nothing',
    'HEAD /health',
  ].map(request);
  const client = await RawHttp.connect(port);
  client.send(bytes.join(''));
  const answers = await client.answers(5, { head: true });
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 400, 200, 404, 200],
  );
  client.send(request('GET /rpc') + request('GET /rpc?key=one'));
  const more = await client.answers(7);
  assert.deepEqual(
    more.slice(5).map(({ status }) => status),
    [400, 200],
  );
  client.close();
});

test('values reach the store byte by byte as they were sent', async (t) => {
  const { port, store } = await openDoor(t);
  const every = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
  const text = 'a b+c&d=e%é😀\r\n\0';
  const type = (name: string) => ({ headers: [`Content-Type: ${name}`] });
  const form = type('Application/X-WWW-Form-Urlencoded; charset=utf-8');
  const stored = () => store.entries.get('k')!.value;
  await rawRequest(port, 'POST /rpc?key=k', { body: every, ...type('text/plain') });
  assert.deepEqual(stored(), every);
  const large = Buffer.alloc(1_048_576, every);
  await rawRequest(port, 'POST /rpc?key=k', { body: large });
  assert.deepEqual(stored(), large);
  await rawRequest(port, `POST /rpc?key=k&value=${encodeURIComponent(text)}`);
  assert.equal(stored().toString(), text);
  await rawRequest(port, 'POST /rpc', {
    body: `${new URLSearchParams({ key: 'k', value: text })}`,
    ...form,
  });
  assert.equal(stored().toString(), text);
  await rawRequest(port, 'POST /rpc?key=k', { body: 'value=raw é&x=1', ...form });
  assert.equal(stored().toString(), 'raw é');
  await rawRequest(port, 'POST /rpc?key=k&value=', { body: 'not me' });
  assert.equal(stored().length, 0);
});

test('/health says DOWN with 503', async (t) => {
  const { port } = await openDoor(t, { health: { healthy: () => false } });
  const { status, text, headers } = await rawRequest(port, 'GET /health');
  assert.deepEqual([status, text, headers.get('cache-control')], [503, 'DOWN', 'no-store']);
});

test('/status that fails tells nothing of its insides', async (t) => {
  const status = () => Promise.reject(new TypeError('a secret'));
  const { port } = await openDoor(t, { status });
  const answer = await rawRequest(port, 'GET /status');
  assert.equal(answer.status, 500);
  assert.ok(!answer.text.includes('secret'));
});

test('/rpc/cluster never asks peers', async (t) => {
  const { port, store } = await openDoor(t);
  store.immediate = false;
  await rawRequest(port, 'GET /rpc/cluster?key=a');
  assert.deepEqual(store.calls, ['getNow a', 'getLocal a']);
});

test('an answer is not given under the name of a log that came while it was made', async (t) => {
  const { port, store } = await openDoor(t);
  const gate = deferred<void>();
  store.immediate = false;
  store.gate = gate.promise;
  const answer = rawRequest(port, 'GET /rpc/cluster?key=a');
  await eventually('it is under way', () => store.calls.length === 2);
  store.log = 'cluster/another';
  gate.resolve();
  assert.equal((await answer).status, 503);
});

test('an answer that is owed comes before the fault of the next request', async (t) => {
  const { port, store } = await openDoor(t);
  const gate = deferred<void>();
  store.gate = gate.promise;
  const client = await RawHttp.connect(port);
  client.send(`${request('POST /rpc?key=a&value=v')}garbage\r\n\r\n`);
  await eventually('the write is under way', () => store.calls.length === 1);
  gate.resolve();
  const answers = parseAnswers(await client.untilClosed());
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 400],
  );
});

test('a port that is taken is refused', async (t) => {
  const { port } = await openDoor(t);
  await assert.rejects(openDoor(t, { port }), { code: 'EADDRINUSE' });
});

test('once it stops accepting, what is under way is answered and its connection closed', async (t) => {
  const { port, store, door } = await openDoor(t);
  assert.ok(door instanceof HttpDoor && door.address === '127.0.0.1');
  const gate = deferred<void>();
  store.gate = gate.promise;
  const idle = await RawHttp.connect(port);
  idle.send(request('GET /rpc?key=a'));
  await idle.answers(1);
  const busy = await RawHttp.connect(port);
  busy.send(request('POST /rpc?key=a&value=v'));
  await eventually('the write is under way', () => store.calls.includes('put a 1'));
  door.stopAccepting();
  await idle.untilClosed();
  await assert.rejects(RawHttp.connect(port), { code: 'ECONNREFUSED' });
  const drained = door.drain(60_000);
  gate.resolve();
  const [answer] = parseAnswers(await busy.untilClosed());
  assert.deepEqual([answer!.status, answer!.headers.get('connection')], [200, 'close']);
  await drained;
});

test('pipelined writes under way are all answered when the door stops', async (t) => {
  const { port, store, door } = await openDoor(t);
  const gate = deferred<void>();
  store.gate = gate.promise;
  const client = await RawHttp.connect(port);
  client.send(request('POST /rpc?key=a&value=v').repeat(5));
  await eventually('the first is under way', () => store.calls.length === 1);
  const drained = door.drain(60_000);
  gate.resolve();
  const answers = parseAnswers(await client.untilClosed());
  assert.deepEqual(
    answers.map(({ status, headers }) => [status, headers.get('connection')]),
    [...Array.from({ length: 4 }, () => [200, 'keep-alive']), [200, 'close']],
  );
  await drained;
});

test('a drain waits for answers that are still being read, small ones behind them too', async (t) => {
  const { port, store, door } = await openDoor(t);
  store.seed('one', 'live', 'v'.repeat(12_000_000));
  store.seed('two', 'live', '2');
  const silent = await RawHttp.connect(port);
  const client = await RawHttp.connect(port);
  client.socket.pause();
  client.send(request('GET /rpc?key=one') + request('GET /rpc?key=two'));
  await eventually('the first is given', () => store.calls.length >= 1);
  const drained = door.drain(60_000);
  assert.equal((await silent.untilClosed()).length, 0);
  client.socket.resume();
  const answers = await client.answers(2);
  assert.deepEqual(
    answers.map(({ status, body }) => [status, body.length > 12_000_000]),
    [
      [200, true],
      [200, false],
    ],
  );
  await drained;
});

test('requests behind the last answer of a connection are not run', async (t) => {
  const { port, store } = await openDoor(t);
  const write = request('POST /rpc?key=a&value=v');
  const hostless = parseAnswers(await rawExchange(port, `GET /rpc HTTP/1.1\r\n\r\n${write}`));
  assert.deepEqual(
    hostless.map(({ status }) => status),
    [400],
  );
  const last = 'GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
  for (const rest of [write, 'garbage\r\n\r\n', '\r\n']) {
    const answers = parseAnswers(await rawExchange(port, last + rest));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200],
    );
  }
  assert.deepEqual(store.calls, []);
});

test('what is left at the deadline of the drain is answered 503, writes with an outcome', async (t) => {
  const never = new Promise<void>(() => {});
  const { port, store, door } = await openDoor(t, { status: () => never });
  store.gate = never;
  store.immediate = false;
  const lines = ['GET /rpc?key=a', 'DELETE /rpc?key=a', 'GET /status', 'HEAD /rpc/cluster?key=a'];
  const clients = await Promise.all([...lines, 'half'].map(() => RawHttp.connect(port)));
  lines.forEach((line, n) => {
    clients[n]!.send(request(line));
  });
  clients[4]!.send('POST /rpc?key=b HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc');
  await eventually('all are under way', () => store.calls.length >= 4);
  const started = performance.now();
  const drained = door.drain(100);
  await clients[4]!.answers(1);
  clients[4]!.send('defghi');
  const got = await Promise.all(clients.map((client) => client.untilClosed()));
  await drained;
  assert.ok(performance.now() - started < 2_000);
  const tell = (n: number, head = false) => {
    const [answer] = parseAnswers(got[n]!, head);
    assert.equal(answer!.status, 503);
    assert.equal(answer!.headers.get('cache-control'), 'no-store');
    assert.equal(answer!.headers.get('connection'), 'close');
    if (head) return [];
    const { code, outcome } = JSON.parse(answer!.text);
    return [code, outcome];
  };
  assert.deepEqual(tell(0), ['not_yet', undefined]);
  assert.deepEqual(tell(1), ['log_unavailable', 'unknown']);
  assert.deepEqual(tell(2), ['not_yet', undefined]);
  assert.deepEqual(tell(3, true), []);
  assert.deepEqual(tell(4), ['log_unavailable', 'not_written']);
  assert.ok(!store.calls.includes('put b 9'));
});

test('closing at once closes every connection, and may be done again', async (t) => {
  const { port, store, door } = await openDoor(t);
  store.gate = new Promise(() => {});
  const client = await RawHttp.connect(port);
  client.send(request('DELETE /rpc?key=a'));
  await eventually('it is under way', () => store.calls.length === 1);
  await door.close();
  assert.equal((await client.untilClosed()).length, 0);
  await door.close();
  await door.drain(1);
});
