import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';

const SCRIPT = new URL('../../../deploy/healthcheck.mjs', import.meta.url).pathname;

let server: Server;
let status = 200;
const asked: string[] = [];

before(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(status).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

after(() => server.close());

async function check(env: Record<string, string>): Promise<number> {
  const child = spawn(process.execPath, [SCRIPT], { env, stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = await once(child, 'exit');
  return code as number;
}

const port = () => String((server.address() as AddressInfo).port);

test('a node that answers 200 on /health is healthy', async () => {
  status = 200;
  assert.equal(await check({ API_PORT: port() }), 0);
  assert.equal(asked.at(-1), 'GET /health');
});

test('a node that listens on all addresses is asked on the loopback', async () => {
  status = 200;
  for (const BIND_ADDRESS of ['', '0.0.0.0', '::', '127.0.0.1']) {
    assert.equal(await check({ API_PORT: port(), BIND_ADDRESS }), 0, BIND_ADDRESS);
  }
});

test('a node that answers 503 is not', async () => {
  status = 503;
  assert.equal(await check({ API_PORT: port() }), 1);
});

test('neither is one that does not listen', async () => {
  const gone = createServer();
  gone.listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port: freed } = gone.address() as AddressInfo;
  gone.close();
  await once(gone, 'close');
  assert.equal(await check({ API_PORT: String(freed) }), 1);
});
