import { Core } from '../../src/core.ts';
import { messageOf } from '../../src/errors.ts';
import { formatLogId } from '../../src/log-identity.ts';
import type { Logger } from '../../src/logger.ts';
import { PeerReader } from '../../src/peers/peer-reader.ts';
import type { PeerAnswer, PeerTransport } from '../../src/peers/peer-transport.ts';
import { RunningState } from '../../src/running-state.ts';
import { MendingStorage } from '../../src/storage/mending-storage.ts';
import { type Storage, StorageError } from '../../src/storage/storage.ts';
import { keyedHash } from '../../src/table/key-hash.ts';
import { SegmentEntryCache } from '../../src/table/segment-entry-cache.ts';
import { Warnings } from '../../src/warnings.ts';
import { ProcessClock, type Random, type Scheduler, type WallClock } from './scheduler.ts';
import { SimDisk, SimStorage } from './sim-disk.ts';
import type { SimLog } from './sim-log.ts';
import { simMembership } from './sim-membership.ts';
import { SimWal } from './sim-wal.ts';
import { watching } from './watching-logger.ts';

export interface SimNodeOptions {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly log: SimLog;
  readonly logger: Logger;
  readonly trace: ((line: string) => void) | undefined;
  readonly cacheBytesMax: number;
  readonly others: () => readonly SimNode[];
}

const WRITE_TIMEOUT_MS = 5_000;
export const STALE_AFTER_MS = 100;
const PEER_TIMEOUT_MS = 60;
const DELAY_MS_MAX = 3;
const PEER_DELAY_MS_MAX = 20;
/** Whoever starts a node that ended by itself does so after this. */
const SUPERVISED_AFTER_MS = 1_000;

/** A node of the real code on simulated ground: its disk outlives it, everything else dies with it. */
export class SimNode {
  readonly name: string;
  readonly disk = new SimDisk();
  readonly wall: WallClock;
  readonly #options: SimNodeOptions;
  #clock: ProcessClock | undefined;
  /** Of the threads of its libraries. */
  #threads: ProcessClock | undefined;
  #wal: SimWal | undefined;
  core: Core | undefined;
  #reachesLog = true;
  /** Of a process that ended by itself, while none runs. */
  #topicIdAtExit: string | undefined;
  /** How often it was cut from the log. */
  cuts = 0;
  reachesPeers = true;
  readersAreDead = false;
  /** What one way over the network takes at most, ms. */
  logDelayMsMax = DELAY_MS_MAX;
  peerDelayMsMax = PEER_DELAY_MS_MAX;
  /** What is lost on the way to or from log and peers, 0 to 1. */
  logLoss = 0;
  peerLoss = 0;
  /** Questions of peers may arrive twice. */
  duplicates = 0;
  /** Runs of this node, so that checks know where its memory ends. */
  run = 0;
  /** When its state began from nothing; simulated ms. */
  bornAt = 0;
  /** Long times for which it was down; simulated ms. */
  readonly absences: { readonly from: number; readonly to: number }[] = [];
  readonly exits: string[] = [];
  /** What `/status` of the newest run warns of. */
  warnings = new Warnings();
  /** Lines of the node's log by message, and what is not logged. */
  readonly counts = new Map<string, number>();

  constructor(options: SimNodeOptions) {
    this.#options = options;
    this.name = options.name;
    this.wall = { skewMs: options.random.integer(-7_200_000, 7_200_000) };
  }

  get reachesLog(): boolean {
    return this.#reachesLog;
  }

  set reachesLog(reaches: boolean) {
    if (this.#reachesLog && !reaches) this.cuts++;
    this.#reachesLog = reaches;
  }

  get alive(): boolean {
    return this.#clock !== undefined;
  }

  /** The log that its state comes from. */
  get topicId(): string | undefined {
    return this.core?.table.identity?.topicId ?? this.#topicIdAtExit;
  }

  /** What an operator does with the state of another log: the disk is emptied, the process restarted. */
  wipe(): void {
    this.kill();
    this.disk.wipe();
    this.#topicIdAtExit = undefined;
    this.start();
  }

  /** Starts the process where none runs. */
  start(): void {
    const { scheduler, trace } = this.#options;
    if (this.alive) return;
    this.run++;
    if (this.disk.size === 0) {
      this.bornAt = scheduler.now;
      this.#topicIdAtExit = undefined;
    }
    trace?.(`${scheduler.now} ${this.name} starts`);
    const clock = new ProcessClock(scheduler, this.wall);
    const threads = new ProcessClock(scheduler, this.wall);
    this.warnings = new Warnings();
    this.#clock = clock;
    this.#threads = threads;
    // Never settles where it is killed meanwhile.
    void this.#live(clock, threads);
  }

  async #live(clock: ProcessClock, threads: ProcessClock): Promise<void> {
    const { random, log, cacheBytesMax } = this.#options;
    const logger = this.#watched();
    const state = new RunningState(logger);
    const cache = new SegmentEntryCache({ bytesMax: cacheBytesMax, hash: keyedHash(1, 0) });
    const wal = new SimWal({
      log,
      clock: threads,
      awake: () => clock.awake(),
      random,
      writeTimeoutMs: WRITE_TIMEOUT_MS,
      reachable: () => this.reachesLog,
      deaf: () => this.readersAreDead,
      delayMsMax: () => this.logDelayMsMax,
      loses: () => this.#loses(this.logLoss, 'log call lost'),
      sentAgain: () => this.#count('record sent twice'),
    });
    this.#wal = wal;
    let core: Core;
    try {
      core = await Core.open({
        settings: {
          codec: 'raw',
          keyBytesMax: 100,
          valueBytesMax: 1_000,
          staleAfterMs: STALE_AFTER_MS,
          writeTimeoutMs: WRITE_TIMEOUT_MS,
        },
        storage: await this.#storage(clock, logger),
        wal,
        cache,
        peers: new PeerReader({
          transport: this.#transport(clock),
          membership: simMembership(this, this.#options.others),
          clock,
          logger,
          timeoutMs: PEER_TIMEOUT_MS,
          codec: 'raw',
          random: random.next,
        }),
        state,
        warnings: this.warnings,
        saveLost: async (_, entries) => {
          for await (const _entry of entries) this.#count('lost entry saved');
          return undefined;
        },
        onLog: () => {},
        clock,
        random: random.next,
        logger,
      });
    } catch (error) {
      if (clock.dead) return;
      if (isCorrupt(error)) this.#setAside(clock);
      else this.#ended(error);
      return;
    }
    if (clock.dead) return;
    this.core = core;
    state.onChange(() => {
      if (state.state === 'halted') this.#count('halted');
      if (cache.evicted > 0) this.#count('evicted');
    });
    core.run(new AbortController().signal).catch((error) => {
      if (!clock.dead) this.#ended(error);
    });
  }

  #storage(clock: ProcessClock, logger: Logger): Promise<Storage> {
    const { random } = this.#options;
    return MendingStorage.open({
      open: () => SimStorage.open(this.disk, clock, random),
      room: async () => {
        if (this.disk.full) throw new StorageError('no room', undefined, 'full');
      },
      onFault: () => {},
      onCorrupt: () => this.#setAside(clock),
      clock,
      logger,
    });
  }

  /** What the product does with a damaged table: it is set aside, and the log tells it anew. */
  #setAside(clock: ProcessClock): void {
    if (clock.dead) return;
    this.#count('damaged table set aside');
    this.wipe();
  }

  /** The process ended by itself, with what it says; somebody starts it again. */
  #ended(error: unknown): void {
    const { scheduler, trace } = this.#options;
    this.exits.push(messageOf(error));
    const topicId = this.core?.table.identity?.topicId;
    trace?.(`${scheduler.now} ${this.name} ends: ${messageOf(error)}`);
    this.kill();
    this.#topicIdAtExit = topicId;
    scheduler.after(SUPERVISED_AFTER_MS, () => this.start());
  }

  /** kill -9: nothing of this run goes on. */
  kill(): void {
    this.#clock?.kill();
    this.#threads?.kill();
    this.#clock = undefined;
    this.#threads = undefined;
    this.core = undefined;
  }

  get frozen(): boolean {
    return this.#clock?.frozen === true;
  }

  /** SIGSTOP for so long. */
  freeze(ms: number): void {
    this.#clock?.freeze(ms);
    this.#threads?.freeze(ms);
  }

  /** Something blocks the event loop for so long; the threads of the log's client go on. */
  stall(ms: number): void {
    this.#clock?.freeze(ms);
  }

  /** The client's metadata show another topic id, as Kafka's do within a tenth of a second. */
  hintWithin(ms: number): void {
    const wal = this.#wal;
    this.#clock?.after(ms, () => wal?.events.identityDoubt?.('the topic id has changed'));
  }

  /** What `/rpc/cluster` answers. */
  async answer(key: string): Promise<PeerAnswer> {
    const { core } = this;
    if (core === undefined) throw new Error('refused');
    const { trust, position, entry } = await core.store.getLocal(key);
    return { log: core.store.logId(), position, final: trust === 'final', entry };
  }

  logId(): string | undefined {
    const identity = this.core?.table.identity;
    return identity && formatLogId(identity);
  }

  #transport(clock: ProcessClock): PeerTransport {
    const { random, others } = this.#options;
    const time = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));
    return {
      ask: async ({ http, key }) => {
        await time(random.between(0.2, this.peerDelayMsMax));
        const peer = others().find(({ name }) => name === http);
        const lost = this.#loses(this.peerLoss, 'peer call lost');
        if (!peer?.reachesPeers || !this.reachesPeers || lost) {
          await time(PEER_TIMEOUT_MS);
          throw new Error('no answer');
        }
        let asked = peer.answer(key);
        if (random.chance(peer.duplicates)) {
          this.#count('peer call sent twice');
          asked = Promise.any([asked, peer.answer(key)]);
        }
        const answer = await asked;
        await time(random.between(0.2, peer.peerDelayMsMax));
        return answer;
      },
      close: async () => {},
    };
  }

  #loses(loss: number, what: string): boolean {
    const lost = loss > 0 && this.#options.random.chance(loss);
    if (lost) this.#count(what);
    return lost;
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  #watched(): Logger {
    const { scheduler, trace } = this.#options;
    return watching(this.#options.logger, (level, fields, message) => {
      const reason = `${fields['reason']}`;
      this.#count(message);
      if (message === 'rebuild' && reason.startsWith('not caught up')) this.#count('was away');
      if (message === 'rebuild' && reason.startsWith('two readers')) this.#count('unreadable');
      if (reason.startsWith('the reader delivers nothing')) this.#count('dead reader');
      trace?.(`${scheduler.now} ${this.name} ${level} ${message} ${JSON.stringify(fields)}`);
    });
  }
}

function isCorrupt(error: unknown): boolean {
  return error instanceof StorageError && error.kind === 'corrupt';
}
