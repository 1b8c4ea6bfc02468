import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import type { StatusDocument } from '../../src/status.ts';
import type { FaultProxy } from '../helpers/fault-proxy.ts';
import type { SmallDisk } from '../helpers/small-disk.ts';
import { TestNode } from '../helpers/test-node.ts';

const STATUS_MS_MAX = 3_000;

/** What lies between a node and the others. */
export interface NodeLinks {
  /** To the brokers. */
  readonly kafka: FaultProxy;
  readonly zookeeper: FaultProxy;
  /** From other nodes, and from clients who found the node in ZooKeeper. */
  readonly peers: FaultProxy;
  readonly rpc: FaultProxy;
}

export interface TortureNodeOptions {
  readonly name: string;
  /** `host:port`, past the proxies. */
  readonly http: string;
  readonly avro: string;
  readonly links: NodeLinks;
  readonly env: Readonly<Record<string, string>>;
  readonly disk?: SmallDisk | undefined;
}

/** One node over all its runs: the same addresses and the same folder. */
export class TortureNode {
  readonly name: string;
  readonly http: string;
  readonly avro: string;
  readonly links: NodeLinks;
  readonly disk: SmallDisk | undefined;
  readonly agent = new Agent({ connections: 16, keepAliveTimeout: 60_000 });
  /** Counts starts. */
  run = 0;
  readonly #env: Readonly<Record<string, string>>;
  readonly #folder: string;
  readonly #past: TestNode[] = [];
  #process: TestNode | undefined;
  #wanted = false;

  private constructor(options: TortureNodeOptions, folder: string) {
    this.name = options.name;
    this.http = options.http;
    this.avro = options.avro;
    this.links = options.links;
    this.disk = options.disk;
    this.#env = options.env;
    this.#folder = folder;
  }

  static async make(options: TortureNodeOptions): Promise<TortureNode> {
    const folder =
      options.disk?.folder ?? (await mkdtemp(join(tmpdir(), `bitacora-${options.name}-`)));
    return new TortureNode(options, folder);
  }

  get process(): TestNode {
    if (this.#process === undefined) throw new Error(`${this.name} was never started`);
    return this.#process;
  }

  /** Set when the process ended although nobody told it to. */
  get fate(): string | undefined {
    if (!this.#wanted || this.process.running) return undefined;
    return `${this.name} ended by itself, exit code ${this.process.exitCode}: ${this.process.tail()}`;
  }

  /** Resolves once its doors listen. */
  async start(args: readonly string[] = []): Promise<void> {
    const { disk } = this;
    this.#process = await TestNode.make({
      env: this.#env,
      args,
      dataDir: this.#folder,
      ...(disk !== undefined && { within: disk.within }),
    });
    this.#past.push(this.#process);
    this.run++;
    await this.#process.listen();
    this.#wanted = true;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    this.#wanted = false;
    return this.process.kill(signal);
  }

  /** Removes its folder: a lost disk. */
  async wipe(): Promise<void> {
    if (this.disk !== undefined) await this.disk.wipe();
    else await rm(this.#folder, { recursive: true, force: true });
  }

  /** Rejects when it does not answer in time. */
  async status(): Promise<StatusDocument> {
    return (await this.#ask('/status')).json() as Promise<StatusDocument>;
  }

  async healthy(): Promise<boolean> {
    return (await (await this.#ask('/health')).text()) === 'OK';
  }

  /** Log lines of all runs. */
  logLines(): string[] {
    return this.#past.flatMap(({ log }, i) => log.map((line) => `run ${i + 1} ${line}`));
  }

  async remove(): Promise<void> {
    await this.#process?.kill();
    await this.agent.destroy();
    for (const link of Object.values(this.links)) await link.close();
    if (this.disk !== undefined) await this.disk.remove();
    else await rm(this.#folder, { recursive: true, force: true });
  }

  async #ask(path: string) {
    const answer = await request(`http://${this.http}${path}`, {
      headersTimeout: STATUS_MS_MAX,
      bodyTimeout: STATUS_MS_MAX,
      signal: AbortSignal.timeout(STATUS_MS_MAX),
    });
    return answer.body;
  }
}
