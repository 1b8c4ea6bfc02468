import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { request } from 'undici';
import type { StatusDocument } from '../../src/status.ts';
import { eventually } from './eventually.ts';

const MAIN = new URL('../../dist/main.js', import.meta.url).pathname;
const READY_WITHIN_MS = 60_000;

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  // Tests look into documents of many shapes.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly json: any;
}

export interface TestNodeOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Words before the command, such as another program that starts it. */
  readonly within?: readonly string[];
  /** A folder that outlives the node; else one of its own that `dispose` removes. */
  readonly dataDir?: string;
}

/** A node in a process of its own, the built program, as a user would start it. */
export class TestNode {
  readonly dataDir: string;
  readonly #options: TestNodeOptions;
  #child: ChildProcess | undefined;
  /** Log lines (NDJSON) since the first start. */
  readonly log: string[] = [];
  readonly stdout: string[] = [];
  #listening: () => string | undefined = () => undefined;

  private constructor(options: TestNodeOptions, dataDir: string) {
    this.#options = options;
    this.dataDir = dataDir;
  }

  static async make(options: TestNodeOptions = {}): Promise<TestNode> {
    return new TestNode(
      options,
      options.dataDir ?? (await mkdtemp(join(tmpdir(), 'bitacora-node-'))),
    );
  }

  /** Started and ready. */
  static async start(options: TestNodeOptions = {}): Promise<TestNode> {
    const node = await TestNode.make(options);
    await node.start();
    return node;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get exitCode(): number | null {
    return this.#child?.exitCode ?? null;
  }

  get running(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Starts the process; resolves once its doors listen. */
  async listen(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const ports = { API_PORT: '0', AVRO_PORT: '0' };
    const clean = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
    const { within = [], args = [] } = this.#options;
    const [program = '', ...words] = [...within, process.execPath, MAIN, 'serve', ...args];
    const child = spawn(program, words, {
      env: { ...clean, ...ports, DATA_DIR: this.dataDir, ...this.#options.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const from = this.log.length;
    createInterface({ input: child.stderr }).on('line', (line) => this.log.push(line));
    createInterface({ input: child.stdout }).on('line', (line) => this.stdout.push(line));
    const listening = () =>
      this.log.slice(from).findLast((line) => line.includes('"msg":"listening"'));
    await eventually(
      'the doors listen',
      () => listening() !== undefined || child.exitCode !== null || child.signalCode !== null,
      {
        withinMs: READY_WITHIN_MS,
      },
    );
    if (listening() === undefined) throw new Error(`${this.#fate()}: ${this.tail()}`);
    this.#listening = listening;
  }

  /** `host:port` of the HTTP door, where the node listens now. */
  get http(): string {
    return this.#addresses().http;
  }

  /** `host:port` of the Avro door. */
  get avro(): string {
    return this.#addresses().rpc;
  }

  #addresses(): { http: string; rpc: string } {
    return JSON.parse(this.#listening() ?? '{}') as { http: string; rpc: string };
  }

  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.listen(env);
    await this.untilHealthy();
  }

  async untilHealthy(withinMs: number = READY_WITHIN_MS): Promise<void> {
    const health = async () => !this.running || (await this.call('GET', '/health')).status === 200;
    await eventually('the node is healthy', health, { withinMs }).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.tail()}`);
    });
    if (!this.running) throw new Error(`${this.#fate()}: ${this.tail()}`);
  }

  #fate(): string {
    return `exit ${this.exitCode ?? this.#child?.signalCode}`;
  }

  /** SIGTERM; resolves with the exit code. */
  async stop(): Promise<number | null> {
    return this.kill('SIGTERM');
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) {
      return child?.exitCode ?? null;
    }
    child.kill(signal);
    await once(child, 'exit');
    return child.exitCode;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** The exit code of a process that ends by itself. */
  async ended(): Promise<number | null> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      await once(child, 'exit');
    }
    return child?.exitCode ?? null;
  }

  async dispose(): Promise<void> {
    await this.kill();
    if (this.#options.dataDir === undefined)
      await rm(this.dataDir, { recursive: true, force: true });
  }

  /** Removes the local state: a lost disk. */
  async wipe(): Promise<void> {
    await rm(this.dataDir, { recursive: true, force: true });
  }

  async call(
    method: string,
    path: string,
    options: { body?: Buffer | string; headers?: Record<string, string> } = {},
  ): Promise<HttpAnswer> {
    const answer = await request(`http://${this.http}${path}`, {
      method: method as 'GET',
      ...(options.body !== undefined && { body: options.body }),
      headers: options.headers ?? {},
      headersTimeout: 40_000,
      bodyTimeout: 40_000,
    });
    const text = await answer.body.text();
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: answer.statusCode, headers: answer.headers, text, json };
  }

  get(key: string, after?: string): Promise<HttpAnswer> {
    const wait = after === undefined ? '' : `&after=${after}`;
    return this.call('GET', `/rpc?key=${encodeURIComponent(key)}${wait}`);
  }

  put(key: string, value: string | Buffer): Promise<HttpAnswer> {
    return this.call('POST', `/rpc?key=${encodeURIComponent(key)}`, {
      body: value,
      headers: { 'content-type': 'application/octet-stream' },
    });
  }

  delete(key: string): Promise<HttpAnswer> {
    return this.call('DELETE', `/rpc?key=${encodeURIComponent(key)}`);
  }

  async status(): Promise<StatusDocument> {
    return (await this.call('GET', '/status')).json as StatusDocument;
  }

  tail(): string {
    return this.log.slice(-15).join('\n');
  }
}
