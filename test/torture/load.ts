import { setTimeout as pause } from 'node:timers/promises';
import type { BitacoraClient } from '../../src/client/client.ts';
import type { Random } from '../simulation/scheduler.ts';
import { avroOperation } from './avro-operation.ts';
import { foreignOperations } from './foreign-operation.ts';
import type { Operation } from './history.ts';
import { httpOperation } from './http-operation.ts';
import type { Recorder } from './recorder.ts';
import type { TortureNode } from './torture-node.ts';

/** Few enough that the same key is written by many, at once. */
const KEYS = 60;
const WORKERS_PER_NODE = 2;
const THINK_MS_MAX = 40;
/** After a failure: a client does not hammer a node that is away. */
const FAILED_PAUSE_MS = 60;
const FOREIGN_EVERY_MS = 1_500;
const FOREIGN_LINES = 5;

export interface LoadOptions {
  readonly nodes: readonly TortureNode[];
  /** One that was given addresses, one that follows ZooKeeper. */
  readonly avro: readonly BitacoraClient[];
  /** Past all proxies. */
  readonly brokers: string;
  readonly topic: string;
  readonly random: Random;
  readonly recorder: () => Recorder;
}

/** Clients of all kinds that read and write the same keys, over and over. */
export class Load {
  readonly #options: LoadOptions;
  readonly #loops: Promise<void>[] = [];
  #names = 0;
  #busy = 0;
  #paused = true;
  #stopped = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    const { nodes, avro } = options;
    for (const node of nodes) {
      for (let i = 0; i < WORKERS_PER_NODE; i++) this.#loop(() => this.#atOne(node));
    }
    this.#loop(() => this.#acrossTwo());
    for (const client of avro) this.#loop(() => this.#overAvro(client));
    this.#loop(() => this.#foreign(), FOREIGN_EVERY_MS);
  }

  resume(): void {
    this.#paused = false;
  }

  /** Resolves when nothing is under way. */
  async pause(): Promise<void> {
    this.#paused = true;
    while (this.#busy > 0) await pause(5);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }

  /** A value that no other write has. */
  name(): string {
    return `v${++this.#names}`;
  }

  #loop(step: () => Promise<boolean>, everyMs = 0): void {
    const run = async () => {
      while (!this.#stopped) {
        let fine = true;
        if (!this.#paused) {
          this.#busy++;
          fine = await step();
          this.#busy--;
        }
        const think = everyMs + this.#options.random.between(0, THINK_MS_MAX);
        await pause(fine ? think : think + FAILED_PAUSE_MS);
      }
    };
    this.#loops.push(run());
  }

  /** A step of a client that stays with its node. */
  async #atOne(node: TortureNode): Promise<boolean> {
    const { random } = this.#options;
    const key = this.#key();
    const dice = random.next();
    if (dice < 0.25) return this.#done(await httpOperation(node, this.#put(key)));
    if (dice < 0.33) return this.#done(await httpOperation(node, { kind: 'delete', key }));
    if (dice < 0.45) {
      if (!this.#done(await httpOperation(node, this.#put(key)))) return false;
      return this.#done(await httpOperation(node, { kind: 'get', key }));
    }
    return this.#done(await httpOperation(node, { kind: 'get', key, own: dice > 0.85 }));
  }

  /** Writes at one node and reads that at another one, by its version. */
  async #acrossTwo(): Promise<boolean> {
    const { random, nodes } = this.#options;
    const key = this.#key();
    const [one, other] = [random.pick(nodes), random.pick(nodes)];
    const write = random.chance(0.8) ? this.#put(key) : ({ kind: 'delete', key } as const);
    const done = await httpOperation(one, write);
    if (!this.#done(done)) return false;
    // Asked for itself, no peer can hide that it has not waited.
    const read = { kind: 'get', key, after: done.version, own: random.chance(0.5) } as const;
    return this.#done(await httpOperation(other, read));
  }

  async #overAvro(client: BitacoraClient): Promise<boolean> {
    const key = this.#key();
    const dice = this.#options.random.next();
    if (dice < 0.1) return this.#done(await avroOperation(client, { kind: 'delete', key }));
    const what = dice < 0.5 ? this.#put(key) : ({ kind: 'get', key } as const);
    return this.#done(await avroOperation(client, what));
  }

  async #foreign(): Promise<boolean> {
    const { brokers, topic, random } = this.#options;
    const writes = Array.from({ length: FOREIGN_LINES }, () => {
      const value = random.chance(0.3) ? undefined : this.name();
      return [this.#key(), value] as const;
    });
    const done = await foreignOperations(brokers, topic, writes);
    return done.map((each) => this.#done(each)).every((fine) => fine);
  }

  #put(key: string) {
    return { kind: 'put', key, value: this.name() } as const;
  }

  #key(): string {
    return keyName(this.#options.random.integer(0, KEYS - 1));
  }

  #done(operation: Operation): boolean {
    return this.#options.recorder().keep(operation).outcome === 'ok';
  }
}

/** Every fourth needs care in a URL. */
function keyName(number: number): string {
  return number % 4 === 0 ? `k ${number}&key=ñ%/+` : `k${number}`;
}
