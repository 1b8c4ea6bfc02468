import { randomInt, randomUUID } from 'node:crypto';
import { ForeignLogError } from './apply/log-check.ts';
import { deferred, withDeadline } from './async.ts';
import { type Clock, sleep } from './clock.ts';
import { CloseStack } from './close-stack.ts';
import type { Membership, NodeInfo } from './cluster/membership.ts';
import { Core } from './core.ts';
import { Doors } from './doors.ts';
import { ExitError } from './errors.ts';
import { openTableStorage, openWal } from './log-engines.ts';
import type { Logger } from './logger.ts';
import { conflictWith, openMembership } from './membership-engine.ts';
import { findNodeAddress, hostAndPort } from './node-address.ts';
import { AllowedPeers } from './peers/allowed-peers.ts';
import { HttpPeerTransport } from './peers/http-peer-transport.ts';
import { PeerReader } from './peers/peer-reader.ts';
import { RunningState } from './running-state.ts';
import type { Settings } from './settings/settings.ts';
import { statusOf } from './status.ts';
import { DataDirectory } from './storage/data-directory.ts';
import { DiskFaults } from './storage/disk-faults.ts';
import { StorageError } from './storage/storage.ts';
import { systemClock } from './system-clock.ts';
import { keyedHash } from './table/key-hash.ts';
import { SegmentEntryCache } from './table/segment-entry-cache.ts';
import { programVersion } from './version.ts';
import { Warnings } from './warnings.ts';

/**
 * How long after the signal requests under way may take. It leaves 3 s of the 10 for closing: a
 * question to a log that does not answer holds the process for up to 2 s.
 */
const DRAINED_AFTER_MS = 7_000;
/** How long the loops may take to end once they were told. */
const LOOPS_END_MS = 500;
/** How often health is looked at besides the changes of the state. */
const HEALTH_EVERY_MS = 250;
/** So many tables may be found damaged in one process: then it is the disk, and no rebuild helps. */
const CORRUPT_TABLES_MAX = 3;

/** One node: builds its parts in the order of the data flow, closes them in reverse. */
export class Node {
  readonly #settings: Settings;
  readonly #logger: Logger;
  readonly #clock: Clock = systemClock;
  readonly #state: RunningState;
  readonly #warnings = new Warnings();
  readonly #closers: CloseStack;
  readonly #stopped = deferred<void>();
  readonly #startedAt: number;
  #running: Promise<void> | undefined;
  #told = false;
  #stoppingSince = 0;
  /** Held across a second life with a new log, so not among what a life closes. */
  #directory: DataDirectory | undefined;

  constructor(settings: Settings, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
    this.#startedAt = this.#clock.now();
    this.#state = new RunningState(logger);
    this.#closers = new CloseStack((part, error) => logger.error({ part, err: error }, 'close'));
  }

  /**
   * Runs until `stop`.
   * @param ready told the one line of stdout, when `/health` turns OK for the first time
   * @throws ExitError, and whatever else ends the node: the caller still calls `stop`
   */
  run(ready: (line: string) => void): Promise<void> {
    this.#running ??= this.#run(ready);
    return this.#running;
  }

  /** `/health` turns DOWN at once; then the doors drain and everything is closed, in reverse. */
  async stop(): Promise<void> {
    this.#state.set('stopping');
    this.#stoppingSince = this.#clock.monotonic();
    this.#stopped.resolve();
    await this.#running?.catch(() => {});
    await this.#closers.close();
    await this.#directory?.close();
    this.#state.set('stopped');
  }

  async #run(ready: (line: string) => void): Promise<void> {
    const settings = this.#settings;
    const fields = { storage: settings.STORAGE, why: settings.storageReason };
    this.#logger.info({ ...fields, version: programVersion() }, 'starting');
    const directory = await this.#openDirectory();
    this.#directory = directory;
    for (let lives = 1; ; lives += 1) {
      try {
        return await this.#live(directory, ready);
      } catch (error) {
        if (directory === undefined || !(await this.#startAnew(directory, error, lives)))
          throw error;
      }
    }
  }

  /** Sets the table aside where the log can tell it anew; whether it has. */
  async #startAnew(directory: DataDirectory, error: unknown, lives: number): Promise<boolean> {
    const logger = this.#logger;
    const isForeign = error instanceof ForeignLogError && this.#settings.acceptNewLog;
    const isCorrupt = error instanceof StorageError && error.kind === 'corrupt';
    if (this.#state.state === 'stopping' || lives > CORRUPT_TABLES_MAX) return false;
    if (isForeign) {
      logger.warn({ reason: error.message }, 'local state is set aside');
      await this.#closers.close();
      logger.warn({ folder: await directory.setAside() }, 'rebuilding from the new log');
    } else if (isCorrupt) {
      logger.error({ reason: error.message }, 'the table is damaged');
      this.#state.set('opening');
      await this.#closers.close();
      const folder = await directory.setAsideCorrupt();
      logger.warn({ folder }, 'the damaged table is set aside, rebuilding from the log');
      this.#warnings.set(
        'corrupt',
        `the table was damaged and is rebuilt; the old one is ${folder}`,
      );
    }
    return isForeign || isCorrupt;
  }

  async #openDirectory(): Promise<DataDirectory | undefined> {
    const { STORAGE, DATA_DIR, NODE_ID, CODEC } = this.#settings;
    this.#state.set('opening');
    if (STORAGE === 'memory') return undefined;
    return DataDirectory.open(DATA_DIR, { nodeId: NODE_ID, codec: CODEC, storage: STORAGE });
  }

  /** From an opened directory to a stop, or to the fault that ends the node. */
  async #live(directory: DataDirectory | undefined, ready: (line: string) => void): Promise<void> {
    const settings = this.#settings;
    const logger = this.#logger;
    const clock = this.#clock;
    const closers = this.#closers;
    const disk = new DiskFaults((name, line) => this.#warnings.set(name, line));
    const corrupt = deferred<never>();
    corrupt.promise.catch(() => {});
    const onCorrupt = corrupt.reject;
    const engines = { settings, directory, clock, logger, closers, disk, onCorrupt };

    const membership = openMembership(settings, clock, logger);
    membership.events = { warning: (name, line) => this.#warnings.set(name, line) };
    let self: NodeInfo | undefined;
    const storage = await openTableStorage(engines);
    const wal = await openWal(engines, () => `bitacora.${settings.KAFKA_TOPIC}.${self?.id}`);
    const core = await Core.open({
      settings: {
        codec: settings.CODEC,
        keyBytesMax: settings.KEY_BYTES_MAX,
        valueBytesMax: settings.VALUE_BYTES_MAX,
        staleAfterMs: settings.STALE_AFTER_MS,
        writeTimeoutMs: settings.WRITE_TIMEOUT_MS,
      },
      storage,
      wal,
      cache: new SegmentEntryCache({
        bytesMax: settings.CACHE_BYTES_MAX,
        hash: keyedHash(randomInt(2 ** 32), randomInt(2 ** 32)),
      }),
      peers: this.#peers(membership),
      state: this.#state,
      warnings: this.#warnings,
      saveLost: async (partition, entries) => directory?.saveLost(partition, entries),
      onLog: () => {
        if (self !== undefined) membership.update(withLog(self, core));
      },
      clock,
      random: Math.random,
      logger,
    });

    const healthy = () => disk.none && core.healthy();
    const doors = await Doors.open({
      settings,
      store: core.store,
      health: { healthy },
      status: () =>
        statusOf({
          id: self?.id ?? '',
          version: programVersion(),
          startedAt: this.#startedAt,
          storage: settings.STORAGE,
          codec: settings.CODEC,
          topic: settings.KAFKA_TOPIC,
          state: this.#state,
          ready: healthy(),
          core,
          wal,
          membership,
          warnings: this.#warnings,
        }),
      warnings: this.#warnings,
      closers,
      clock,
      logger,
    });
    self = withLog(await this.#introduce(directory, doors), core);
    logger.info({ http: self.http, rpc: self.rpc, id: self.id }, 'listening');

    const loops = new AbortController();
    const running = core.run(loops.signal);
    closers.push('loops', async () => {
      loops.abort();
      const ended = running.catch(() => {});
      await withDeadline(clock, ended, LOOPS_END_MS, () => {});
    });
    closers.push('drain', async () => {
      const leftMs = this.#stoppingSince + DRAINED_AFTER_MS - clock.monotonic();
      await doors.drain(Math.max(0, leftMs));
    });
    const conflict = deferred<never>();
    membership.events = {
      ...membership.events,
      change: () => {
        const reason =
          self && this.#told === false && conflictWith(withLog(self, core), membership);
        if (reason) conflict.reject(new ExitError(2, reason));
      },
    };
    membership.start(self);
    closers.push('membership', () => membership.close());

    const { http, rpc } = self;
    const watched = this.#watchHealth(healthy, membership, loops.signal, () =>
      ready(`bitacora ready http://${http} avro://${rpc}`),
    );
    await Promise.race([
      this.#stopped.promise,
      running,
      watched,
      conflict.promise,
      corrupt.promise,
    ]);
  }

  #peers(membership: Membership): PeerReader {
    const settings = this.#settings;
    const transport = HttpPeerTransport.open({
      valueBytesMax: settings.VALUE_BYTES_MAX,
      allowed: new AllowedPeers(settings.PEER_ALLOW),
    });
    this.#closers.push('peers', () => transport.close());
    return new PeerReader({
      transport,
      membership,
      clock: this.#clock,
      logger: this.#logger,
      timeoutMs: settings.PEER_TIMEOUT_MS,
      codec: settings.CODEC,
      random: Math.random,
    });
  }

  /** Who we are, now that the ports are known. */
  async #introduce(directory: DataDirectory | undefined, doors: Doors): Promise<NodeInfo> {
    const settings = this.#settings;
    const distributed = settings.STORAGE === 'distributed';
    const address = settings.NODE_ADDRESS ?? (distributed ? await findNodeAddress() : '127.0.0.1');
    const http = hostAndPort(address, doors.httpPort);
    const id = settings.NODE_ID ?? directory?.nodeId ?? http;
    await directory?.setNodeId(id);
    return {
      id,
      instance: directory?.instance ?? randomUUID(),
      version: programVersion(),
      http,
      rpc: hostAndPort(address, doors.rpcPort),
      startedAt: this.#startedAt,
      log: {
        clusterId: null,
        topicId: null,
        topic: settings.KAFKA_TOPIC,
        partitions: null,
        codec: settings.CODEC,
      },
    };
  }

  /** Tells the membership what `/health` says, and the world once when it first says OK. */
  async #watchHealth(
    healthy: () => boolean,
    membership: Membership,
    signal: AbortSignal,
    ready: () => void,
  ): Promise<void> {
    const look = () => {
      if (signal.aborted) return;
      membership.setReady(healthy());
      if (this.#told || !healthy()) return;
      this.#told = true;
      ready();
    };
    this.#state.onChange(look);
    while (!signal.aborted) {
      look();
      await sleep(this.#clock, HEALTH_EVERY_MS, signal);
    }
  }
}

function withLog(self: NodeInfo, core: Core): NodeInfo {
  const { identity } = core.table;
  if (identity === undefined) return self;
  const { clusterId, topicId, partitions } = identity;
  return { ...self, log: { ...self.log, clusterId, topicId, partitions } };
}
