/**
 * Run as a process of its own: `good-client-child.ts <http host:port> <avro host:port>`. Every 100 ms
 * it puts and gets over both doors, each on one connection that is kept, and writes a line
 * `{"http":ms,"avro":ms}` (the slower of the two calls) or `{"fault":text}`.
 */
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { encodeCall, PING, readAnswer } from '../../src/codec/rpc-calls.ts';
import { FrameDecoder } from '../../src/codec/rpc-framing.ts';
import type { RpcMessage } from '../../src/codec/rpc-protocol.ts';
import { frame, HANDSHAKE } from './rpc-socket.ts';

const EVERY_MS = 100;
const [, , http = '', avro = ''] = process.argv;

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const agent = new Agent({ keepAlive: true, maxSockets: 1, timeout: 0 });
agent.on('free', (socket: Socket) => {
  if (socket.listenerCount('close', noticed) > 0) return;
  socket.on('close', noticed);
});
function noticed(): void {
  tell({ fault: 'the HTTP connection was closed' });
}

function httpCall(method: string, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(`http://${http}${path}`, { agent, method }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(pieces).toString() }),
      );
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** One connection to the Avro door. */
class Caller {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder(1_048_576);
  readonly #waiting = new Map<number, (payload: Buffer) => void>();
  #serial = 0;

  constructor() {
    const [host = '', port = ''] = avro.split(':');
    this.#socket = connect({ host, port: Number(port), noDelay: true });
    this.#socket.on('data', (chunk) => {
      this.#decoder.push(chunk);
      for (let next = this.#decoder.next(); next !== undefined; next = this.#decoder.next()) {
        this.#waiting.get(next.serial)?.(next.payload);
        this.#waiting.delete(next.serial);
      }
    });
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      tell({ fault: 'the Avro connection was closed' });
      process.exit(1);
    });
  }

  send(...parts: Buffer[]): Promise<Buffer> {
    const serial = this.#serial++;
    this.#socket.write(frame(serial, ...parts));
    return new Promise((resolve) => this.#waiting.set(serial, resolve));
  }

  async call(message: RpcMessage, key: string, value = ''): Promise<string | null> {
    const payload = await this.send(encodeCall(message, Buffer.from(key), Buffer.from(value)));
    const answer = readAnswer(payload, message);
    if (answer.kind === 'error') throw new Error(answer.text);
    return answer.value;
  }
}

/** How long the slower of two calls took, ms. */
async function slower(first: () => Promise<void>, second: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await first();
  const between = performance.now();
  await second();
  return Math.max(between - start, performance.now() - between);
}

function same(what: string, got: unknown, wanted: unknown): void {
  if (got !== wanted) throw new Error(`${what}: ${String(got)} instead of ${String(wanted)}`);
}

const caller = new Caller();
await caller.send(HANDSHAKE, PING);

async function overHttp(n: number): Promise<number> {
  return slower(
    async () => same('put', (await httpCall('POST', `/rpc?key=good-http&value=${n}`)).status, 200),
    async () => {
      const { text } = await httpCall('GET', '/rpc?key=good-http');
      same('get', (JSON.parse(text) as { value: string }).value, String(n));
    },
  );
}

async function overAvro(n: number): Promise<number> {
  return slower(
    async () => void (await caller.call('setValue', 'good-avro', String(n))),
    async () => same('getValue', await caller.call('getValue', 'good-avro'), String(n)),
  );
}

for (let n = 0; ; n++) {
  try {
    const [ms, rpcMs] = await Promise.all([overHttp(n), overAvro(n)]);
    tell({ http: Math.round(ms), avro: Math.round(rpcMs) });
  } catch (error) {
    tell({ fault: String(error) });
  }
  await pause(EVERY_MS);
}
