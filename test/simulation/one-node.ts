import { read } from './operations.ts';
import { Random, Scheduler } from './scheduler.ts';
import type { AppendedEver } from './sim-log.ts';
import { SimLog } from './sim-log.ts';
import { SimNode } from './sim-node.ts';
import { silentLogger } from './watching-logger.ts';

const HELD_WITHIN_MS = 20_000;
const LOOKED_EVERY_MS = 5;

export interface OneNodeOptions {
  readonly deleteRetentionMs: number;
  readonly uncleanElection?: boolean;
  readonly seed?: number;
}

/** One node, or two that are peers, on a log of one partition, for scenarios told step by step. */
export class OneNode {
  readonly scheduler = new Scheduler();
  readonly log: SimLog;
  readonly node: SimNode;
  readonly #random: Random;
  readonly #nodes: SimNode[] = [];
  /** Everything that happened, a line each. */
  readonly lines: string[] = [];

  constructor({ seed = 7, ...options }: OneNodeOptions) {
    const random = new Random(seed);
    this.#random = random;
    this.log = new SimLog({ scheduler: this.scheduler, random, partitions: 1, ...options });
    this.node = this.add('n1');
  }

  /** One more node, not started. */
  add(name: string): SimNode {
    const node: SimNode = new SimNode({
      name,
      scheduler: this.scheduler,
      random: this.#random,
      log: this.log,
      logger: silentLogger,
      trace: (line) => this.lines.push(line),
      cacheBytesMax: 2 ** 20,
      others: () => this.#nodes.filter((each) => each !== node),
    });
    this.#nodes.push(node);
    return node;
  }

  /** Another producer writes. */
  foreign(key: string, value: string | null): AppendedEver | undefined {
    const bytes = value === null ? null : Buffer.from(value);
    this.log.append({ partition: 0, key: Buffer.from(key), value: bytes, headers: [] });
    return this.log.ever.at(-1);
  }

  fill(count: number): void {
    for (let i = 0; i < count; i++) this.foreign('filler', `${i}`);
  }

  /** `final value`, `behind absent` and so on. */
  async seen(key: string, on: SimNode = this.node): Promise<string> {
    const { trust, entry } = await read(on, key);
    return `${trust} ${entry === undefined ? 'absent' : entry.value}`;
  }

  /** Lets time pass until it holds; false when it does not in time. */
  async until(
    holds: () => Promise<boolean> | boolean,
    withinMs: number = HELD_WITHIN_MS,
  ): Promise<boolean> {
    let held = false;
    let over = false;
    const look = async () => {
      const latest = this.scheduler.now + withinMs;
      while (!held && this.scheduler.now < latest) {
        held = await holds();
        if (!held) await this.scheduler.sleep(LOOKED_EVERY_MS);
      }
      over = true;
    };
    void look();
    await this.scheduler.run(Number.POSITIVE_INFINITY, () => over);
    return held;
  }

  pass(ms: number): Promise<boolean> {
    return this.until(() => false, ms);
  }

  /** All answers for a key until one is this; fails to hold where none is in time. */
  async answersUntil(key: string, last: string, on?: SimNode): Promise<ReadonlySet<string>> {
    const answers = new Set<string>();
    await this.until(async () => {
      answers.add(await this.seen(key, on));
      return answers.has(last);
    });
    return answers;
  }

  rebuilds(): readonly string[] {
    return this.lines.filter((line) => line.includes(' warn rebuild '));
  }
}
