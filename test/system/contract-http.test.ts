import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { rawExchange, rawRequest } from '../helpers/raw-http.ts';
import { TestNode } from '../helpers/test-node.ts';

const KEY_BYTES_MAX = 32;
const VALUE_BYTES_MAX = 64;
const ALLOWED = 'https://allowed.example';
const FORM = 'Content-Type: application/x-www-form-urlencoded';
const BYTES = 'Content-Type: application/octet-stream';

describe('the HTTP door of a node', () => {
  let node: TestNode;
  let port: number;
  before(async () => {
    node = await TestNode.start({
      env: {
        KEY_BYTES_MAX: String(KEY_BYTES_MAX),
        VALUE_BYTES_MAX: String(VALUE_BYTES_MAX),
        ALLOW_ORIGINS: ALLOWED,
      },
    });
    port = Number(node.http.split(':')[1]);
  });
  after(() => node.dispose());

  const ask = (line: string, headers: readonly string[] = [], body: string | Buffer = '') =>
    rawRequest(port, line, { headers, body });
  /** Status and code, the shape of an error checked on the way. */
  const refusal = async (...given: Parameters<typeof ask>) => {
    const { status, text, headers } = await ask(...given);
    const told = JSON.parse(text) as { message: string; code: string };
    assert.deepEqual(Object.keys(told).slice(0, 2), ['message', 'code']);
    assert.ok(told.message.length > 10, told.message);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal(headers.has('retry-after'), status === 503);
    return `${status} ${told.code}`;
  };

  it('answers with exactly these fields and headers', async () => {
    const put = await ask('POST /rpc?key=caf%C3%A9&value=a%22b%2F%00');
    const written = JSON.parse(put.text);
    assert.equal(
      put.text,
      `{"key":"café","version":"${written.version}","timestamp":${written.timestamp}}`,
    );
    const [partition, offset] = written.version.split(':').map(Number);
    const own = {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'bitacora-version': written.version,
      'bitacora-timestamp': `${written.timestamp}`,
      'bitacora-position': `${partition}:${offset + 1}`,
      'bitacora-read': 'final',
    };
    const names = (headers: ReadonlyMap<string, string>) =>
      [...headers].filter(([name]) => name.startsWith('bitacora-') || name in own);
    const hit = await ask('GET /rpc?key=caf%C3%A9');
    assert.equal(
      hit.text,
      `{"key":"café","value":"a\\"b/\\u0000","timestamp":${written.timestamp},"source":1,"ttl":0,"uuid":"${written.version}"}`,
    );
    assert.deepEqual(names(hit.headers), Object.entries(own));
    const local = await ask('GET /rpc/cluster?key=caf%C3%A9');
    assert.equal(local.text, hit.text);
    const { clusterId, topicId } = (await node.status()).log;
    assert.deepEqual(names(local.headers), [
      ...Object.entries(own),
      ['bitacora-log', `${clusterId}/${topicId}`],
    ]);
    for (const path of ['/rpc', '/rpc/cluster']) {
      const head = await ask(`HEAD ${path}?key=caf%C3%A9`);
      assert.equal(head.headers.get('content-length'), String(hit.body.length));
      assert.deepEqual(names(head.headers).slice(0, 6), Object.entries(own));
    }

    const gone = JSON.parse((await ask('DELETE /rpc?key=caf%C3%A9')).text);
    assert.deepEqual(Object.keys(gone), ['key', 'version', 'timestamp']);
    const miss = await ask('GET /rpc?key=caf%C3%A9');
    assert.equal(miss.text, '{"message":"Key café not found"}');
    assert.deepEqual(names(miss.headers), [
      ['content-type', 'application/json'],
      ['cache-control', 'no-store'],
      ['bitacora-version', gone.version],
      ['bitacora-timestamp', `${gone.timestamp}`],
      ['bitacora-deleted', 'true'],
      ['bitacora-position', `${partition}:${offset + 2}`],
      ['bitacora-read', 'final'],
    ]);
    const never = await ask('GET /rpc?key=never');
    assert.deepEqual(
      [never.status, never.headers.has('bitacora-version'), never.headers.has('bitacora-deleted')],
      [404, false, false],
    );
    // An append all the same.
    assert.equal((await ask('DELETE /rpc?key=never')).status, 200);
    assert.equal((await ask('GET /rpc?key=never')).headers.get('bitacora-deleted'), 'true');
  });

  it('gives bytes back as they came: text, else base64', async () => {
    const values = ['a+b%20c&value=x', '{"json":[1]}', '€😀', '\r\n\r\n', '\uFEFFmark'];
    for (const value of values) {
      await ask('POST /rpc?key=bytes', [BYTES], value);
      const { json } = await node.get('bytes');
      assert.deepEqual([json.value, 'encoding' in json], [value, false]);
    }
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
      await ask('POST /rpc?key=bytes', [], Buffer.from(bytes));
      const { text } = await ask('GET /rpc?key=bytes');
      const answer = JSON.parse(text);
      assert.deepEqual(Object.keys(answer).join(), 'key,value,timestamp,source,ttl,uuid,encoding');
      assert.equal(answer.encoding, 'base64');
      assert.deepEqual(Buffer.from(answer.value, 'base64'), Buffer.from(bytes));
    }
    assert.equal((await ask('POST /rpc?key=bytes&value=')).status, 200);
    assert.equal((await node.get('bytes')).json.value, '');
  });

  it('takes the value from query, body or form', async () => {
    const cases: [line: string, headers: string[], body: string, key: string, value: string][] = [
      ['POST /rpc?key=a&value=query', [], 'body', 'a', 'query'],
      ['POST /rpc?key=a', [], 'a=1&b=%20+', 'a', 'a=1&b=%20+'],
      ['POST /rpc', [FORM], 'key=f+1&value=%2B+', 'f 1', '+ '],
      ['POST /rpc?key=q', [`${FORM}; charset=utf-8`], 'key=f&value=v', 'q', 'v'],
      ['POST /rpc?value=q', [FORM], 'value=f&key=k&more=1', 'k', 'q'],
      ['POST /rpc?key=q', [FORM], 'value=', 'q', ''],
      ['POST /rpc?%6bey=%6B+2&%76alue=x', [], '', 'k 2', 'x'],
    ];
    for (const [line, headers, body, key, value] of cases) {
      const { status, text } = await ask(line, headers, body);
      assert.deepEqual([status, JSON.parse(text).key], [200, key], line);
      assert.equal((await node.get(key)).json.value, value, line);
    }
    const largest = `key=${'%41'.repeat(KEY_BYTES_MAX)}&value=${'%42'.repeat(VALUE_BYTES_MAX)}`;
    assert.equal((await ask('POST /rpc', [FORM], largest)).status, 200);
    assert.equal(await refusal('POST /rpc', [FORM], `${largest}B`), '413 too_large');
    const filler = 'x'.repeat(3 * (VALUE_BYTES_MAX + KEY_BYTES_MAX) + 100);
    assert.equal(await refusal('POST /rpc', [FORM], `key=a&value=b&${filler}`), '413 too_large');
    const hint = await ask('POST /rpc?key=a', [FORM], 'raw text');
    assert.match(hint.text, /application\/octet-stream.*"code":"bad_value"/);
    assert.equal(await refusal('POST /rpc?key=a'), '400 bad_value');
    assert.equal(await refusal('POST /rpc?key=a&value=1&value=1'), '400 bad_value');
    assert.equal(await refusal('POST /rpc', [FORM], 'key=a&key=a&value=v'), '400 bad_key');

    const chunked = 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n';
    const inChunks = await rawExchange(port, `POST /rpc?key=c HTTP/1.1\r\nHost: x\r\n${chunked}`);
    assert.match(inChunks.toString(), /^HTTP\/1\.1 200 /);
    assert.equal((await node.get('c')).json.value, 'abcd');
    const asked = await ask('POST /rpc?key=c', ['Expect: 100-continue'], 'xyz');
    assert.equal(asked.status, 100);
    assert.equal((await node.get('c')).json.value, 'xyz');
  });

  it('refuses with these codes', async () => {
    const long = 'k'.repeat(KEY_BYTES_MAX + 1);
    const e17 = '%C3%A9'.repeat(KEY_BYTES_MAX / 2);
    for (const method of ['GET', 'POST', 'DELETE']) {
      for (const query of ['', '?', '?key', '?key=', '?key=a&key=b', '?key=a&%6Bey=a', '?Key=a']) {
        assert.equal(await refusal(`${method} /rpc${query}`), '400 bad_key', method + query);
      }
      for (const key of ['%', '%4', '%zz', '%FF', '%C0%80', '%ED%A0%80', '%F5%80%80%80']) {
        assert.equal(await refusal(`${method} /rpc?key=${key}`), '400 bad_key', method + key);
      }
      for (const key of [long, `${e17}x`]) {
        assert.equal(await refusal(`${method} /rpc?key=${key}&value=v`), '413 too_large');
      }
    }
    assert.equal(await refusal('GET /rpc/cluster?key='), '400 bad_key');
    assert.equal((await ask(`POST /rpc?key=${e17}&value=v`)).status, 200);
    assert.equal((await ask('GET /rpc?key=%00')).text, '{"message":"Key \\u0000 not found"}');
    const over = 'v'.repeat(VALUE_BYTES_MAX + 1);
    assert.equal(await refusal(`POST /rpc?key=a&value=${over}`), '413 too_large');
    assert.equal(await refusal('POST /rpc?key=a', [BYTES], over), '413 too_large');
    assert.equal(await refusal('GET /rpc?key=a', ['Origin: https://other']), '403 origin');
    assert.equal(await refusal('POST /rpc?key=a&value=v', ['Origin: null']), '403 origin');
    const allowed = await ask('GET /rpc?key=never2', [`Origin: ${ALLOWED}`]);
    assert.equal(allowed.headers.get('access-control-allow-origin'), ALLOWED);
    const head = `X: ${'x'.repeat(33_000)}`;
    assert.equal(await refusal('GET /rpc?key=a', [head]), '431 head_too_large');
    for (const method of ['PUT', 'PATCH', 'OPTIONS', 'TRACE', 'PURGE']) {
      assert.equal(await refusal(`${method} /rpc?key=a`), '501 not_implemented');
      assert.equal(await refusal(`${method} /nothing`), '404 not_found');
    }
    for (const method of ['POST', 'DELETE', 'PUT']) {
      assert.equal(await refusal(`${method} /rpc/cluster?key=a&value=v`), '501 not_implemented');
    }
    for (const path of ['/', '/rpc/', '/RPC?key=a', '/rpcx?key=a', '/health/', '/statusx']) {
      assert.equal(await refusal(`GET ${path}`), '404 not_found', path);
    }
    for (const method of ['FOO', 'get', 'DESCRIBE']) {
      assert.equal(await refusal(`${method} /rpc?key=a`), '501 not_implemented');
      assert.equal(await refusal(`${method} /rpc/cluster`), '501 not_implemented');
      assert.equal(await refusal(`${method} /nothing`), '404 not_found');
    }
    // The node has written none of it.
    assert.equal((await ask('GET /rpc?key=a&after=')).status, 400);
  });

  it('says OK on /health to any method', async () => {
    const known = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'];
    for (const method of [...known, 'FOO', 'get', 'DESCRIBE']) {
      const { status, text, headers } = await ask(`${method} /health`);
      assert.deepEqual([status, text], [200, method === 'HEAD' ? '' : 'OK'], method);
      assert.equal(headers.get('cache-control'), 'no-store');
    }
    assert.equal((await ask('POST /health?x=1', [], 'a body')).text, 'OK');
  });

  it('waits for a version, and knows which can never come', async () => {
    const { version } = JSON.parse((await ask('POST /rpc?key=after&value=1')).text);
    const [partition, offset] = version.split(':').map(Number);
    assert.equal((await ask(`GET /rpc?key=after&after=${version}`)).status, 200);
    const named = [`Bitacora-After: ${version}`];
    assert.equal((await ask('GET /rpc/cluster?key=after', named)).status, 200);
    assert.equal((await ask('HEAD /rpc?key=after', named)).status, 200);
    const bad = [`${partition + 1}:0`, '99:0', '', '0', 'x:1', '-1:0', `${partition}:-1`, '1.5:1'];
    for (const after of [...bad, `${partition}:${2 ** 54}`, `${version}&after=${version}`]) {
      assert.equal(await refusal(`GET /rpc?key=after&after=${after}`), '400 bad_version', after);
    }
    assert.equal(
      await refusal('GET /rpc?key=after', ['Bitacora-After: nonsense']),
      '400 bad_version',
    );
    const beyond = `${partition}:${offset + 1}`;
    assert.equal(await refusal(`GET /rpc?key=after&after=${beyond}`), '400 bad_version');
    assert.equal(await refusal(`GET /rpc?key=after&after=${version}`, named), '400 bad_version');
  });

  it('keeps a connection through anything well-formed, in order', async () => {
    const requests = [
      'GET /rpc?key=kept HTTP/1.1',
      'POST /rpc?key=kept&value=1 HTTP/1.1',
      'GET /rpc?key=after HTTP/1.1',
      'PUT /rpc HTTP/1.1',
      'HEAD /health HTTP/1.1',
      'DELETE /rpc?key=kept HTTP/1.1',
      'GET /rpc HTTP/1.1',
      'GET /nothing HTTP/1.0',
    ];
    const answers = await rawExchange(
      port,
      requests.map((line) => `${line}\r\nHost: x\r\n\r\n`).join(''),
    );
    const statuses = [...answers.toString().matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, code]) => code);
    assert.deepEqual(statuses, ['404', '200', '200', '501', '200', '200', '400', '404']);
  });
});
