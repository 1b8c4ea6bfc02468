import type { Member, Membership, MembershipEvents } from '../../src/cluster/membership.ts';
import { Core } from '../../src/core.ts';
import { messageOf, ServiceError } from '../../src/errors.ts';
import type { Logger } from '../../src/logger.ts';
import { PeerReader } from '../../src/peers/peer-reader.ts';
import type { PeerAnswer, PeerTransport } from '../../src/peers/peer-transport.ts';
import { RunningState } from '../../src/running-state.ts';
import { MapEntryCache } from '../../src/table/entry-cache.ts';
import { Warnings } from '../../src/warnings.ts';
import { ProcessClock, type Random, type Scheduler } from './scheduler.ts';
import { SimDisk, SimStorage } from './sim-disk.ts';
import type { SimLog } from './sim-log.ts';
import { SimWal } from './sim-wal.ts';

export interface SimNodeOptions {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly log: SimLog;
  readonly logger: Logger;
  readonly cacheBytesMax: number;
  readonly others: () => readonly SimNode[];
  /** Peer calls that are lost, 0 to 1. */
  readonly loss: () => number;
}

const WRITE_TIMEOUT_MS = 5_000;
export const STALE_AFTER_MS = 100;
const PEER_TIMEOUT_MS = 60;

/** A node of the real code on simulated ground: its disk outlives it, everything else dies with it. */
export class SimNode {
  readonly name: string;
  readonly disk = new SimDisk();
  readonly #options: SimNodeOptions;
  #clock: ProcessClock | undefined;
  #wal: SimWal | undefined;
  core: Core | undefined;
  reachesLog = true;
  reachesPeers = true;
  /** Runs of this node, so that checks know where its memory ends. */
  run = 0;
  readonly exits: string[] = [];
  readonly counts = { rebuilds: 0, halts: 0, evicted: 0 };

  constructor(options: SimNodeOptions) {
    this.#options = options;
    this.name = options.name;
  }

  get alive(): boolean {
    return this.#clock !== undefined;
  }

  async start(): Promise<void> {
    const { scheduler, random, log, logger, cacheBytesMax } = this.#options;
    this.run++;
    const clock = new ProcessClock(scheduler, random.integer(-5_000, 5_000));
    this.#clock = clock;
    const state = new RunningState(this.#watching(logger));
    const cache = new MapEntryCache(cacheBytesMax);
    const wal = new SimWal({
      log,
      clock,
      random,
      writeTimeoutMs: WRITE_TIMEOUT_MS,
      reachable: () => this.reachesLog,
    });
    this.#wal = wal;
    const core = await Core.open({
      settings: {
        codec: 'raw',
        keyBytesMax: 100,
        valueBytesMax: 1_000,
        staleAfterMs: STALE_AFTER_MS,
        writeTimeoutMs: WRITE_TIMEOUT_MS,
      },
      storage: new SimStorage(this.disk, clock, random),
      wal,
      cache,
      peers: new PeerReader({
        transport: this.#transport(clock),
        membership: this.#membership(),
        clock,
        logger,
        timeoutMs: PEER_TIMEOUT_MS,
        codec: 'raw',
        random: random.next,
      }),
      state,
      warnings: new Warnings(),
      saveLost: async (_, entries) => {
        for await (const _entry of entries) this.counts.rebuilds += 0;
        return undefined;
      },
      onLog: () => {},
      clock,
      random: random.next,
      logger: this.#watching(logger),
    });
    if (clock.dead) return;
    this.core = core;
    state.onChange(() => {
      if (state.state === 'halted') this.counts.halts++;
      this.counts.evicted += cache.evicted > 0 ? 1 : 0;
    });
    core.run(new AbortController().signal).catch((error) => {
      if (clock.dead) return;
      this.exits.push(messageOf(error));
      this.kill();
    });
  }

  /** kill -9: nothing of this run goes on. */
  kill(): void {
    this.#clock?.kill();
    this.#clock = undefined;
    this.core = undefined;
  }

  freeze(ms: number): void {
    this.#clock?.freeze(ms);
  }

  /** The client's metadata show another topic id, as Kafka's do within a tenth of a second. */
  hint(): void {
    this.#wal?.events.identityDoubt?.('the topic id has changed');
  }

  /** What `/rpc/cluster` answers. */
  async answer(key: string): Promise<PeerAnswer> {
    const { core } = this;
    if (core === undefined) throw new Error('refused');
    const { trust, position, entry } = await core.store.getLocal(key);
    return { log: core.store.logId(), position, final: trust === 'final', entry };
  }

  #transport(clock: ProcessClock): PeerTransport {
    const { random, others, loss } = this.#options;
    const time = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));
    return {
      ask: async ({ http, key }) => {
        await time(random.between(0.2, 20));
        const peer = others().find(({ name }) => name === http);
        if (!peer?.reachesPeers || !this.reachesPeers || random.chance(loss())) {
          await time(PEER_TIMEOUT_MS);
          throw new Error('no answer');
        }
        const answer = await peer.answer(key);
        await time(random.between(0.2, 20));
        return answer;
      },
      close: async () => {},
    };
  }

  #membership(): Membership {
    const { others } = this.#options;
    return {
      kind: 'zookeeper',
      connected: true,
      events: {} as MembershipEvents,
      members: (): readonly Member[] =>
        [this as SimNode, ...others()].map((each) => {
          const identity = each.core?.table.identity;
          return {
            http: each.name,
            self: each === this,
            info: {
              id: each.name,
              instance: each.name,
              version: '0',
              http: each.name,
              rpc: each.name,
              startedAt: 0,
              log: {
                clusterId: identity?.clusterId ?? null,
                topicId: identity?.topicId ?? null,
                topic: 'simulated',
                partitions: identity?.partitions ?? null,
                codec: 'raw',
              },
            },
          };
        }),
      start: () => {},
      update: () => {},
      setReady: () => {},
      close: async () => {},
    };
  }

  /** The node's log, silent, with its rebuilds counted. */
  #watching(logger: Logger): Logger {
    const counts = this.counts;
    return new Proxy(logger, {
      get: (target, name) => {
        if (name !== 'warn') return Reflect.get(target, name);
        return (fields: unknown, message?: string) => {
          if (message === 'rebuilt') counts.rebuilds++;
          target.warn(fields, message);
        };
      },
    });
  }
}

export function outcomeOf(error: unknown): string {
  if (error instanceof ServiceError) return error.outcome ?? error.code;
  return `fault: ${messageOf(error)}`;
}
