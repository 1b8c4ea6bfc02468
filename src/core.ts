import { Applier } from './apply/applier.ts';
import { LogGuard } from './apply/log-guard.ts';
import type { SaveLost } from './apply/rebuild.ts';
import type { Clock } from './clock.ts';
import { createAvroCodec } from './codec/avro-codec.ts';
import type { Codec } from './codec/codec.ts';
import { partitionOf } from './codec/partitioner.ts';
import { rawCodec } from './codec/raw-codec.ts';
import type { Logger } from './logger.ts';
import { FreshMarks } from './progress/fresh-marks.ts';
import { Freshness } from './progress/freshness.ts';
import { OwnWrites } from './progress/own-writes.ts';
import { Patchy } from './progress/patchy.ts';
import { Positions } from './progress/positions.ts';
import { Prober } from './progress/prober.ts';
import type { RunningState } from './running-state.ts';
import type { Storage } from './storage/storage.ts';
import { type AskPeers, Store } from './store/store.ts';
import { Entries } from './table/entries.ts';
import type { EntryCache } from './table/entry-cache.ts';
import { filling } from './table/partition-state.ts';
import { Table } from './table/table.ts';
import { WarmUp } from './table/warm-up.ts';
import type { LogDescription, Wal } from './wal/wal.ts';
import type { Warnings } from './warnings.ts';

export interface CoreSettings {
  readonly codec: 'raw' | 'avro';
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
  readonly staleAfterMs: number;
  readonly writeTimeoutMs: number;
}

export interface CoreOptions {
  readonly settings: CoreSettings;
  readonly storage: Storage;
  readonly wal: Wal;
  readonly cache: EntryCache;
  readonly peers: AskPeers;
  readonly state: RunningState;
  readonly warnings: Warnings;
  readonly saveLost: SaveLost;
  /** The log was met, or met again. */
  readonly onLog: () => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/**
 * The node without its outside: log, storage, peers, time and chance come in as ports. The same code
 * runs in a process and, many nodes at once, under the simulator.
 */
export class Core {
  readonly store: Store;
  readonly table: Table;
  readonly freshness: Freshness;
  readonly applier: Applier;
  readonly #guard: LogGuard;
  readonly #prober: Prober;
  readonly #warmUp: WarmUp;

  private constructor(options: CoreOptions, table: Table) {
    const { settings, wal, cache, peers, state, warnings, clock, random, logger } = options;
    const entries = new Entries(table, cache);
    const positions = new Positions(clock);
    const stored = table.states().map((each) => filling(each).freshAt);
    const marks = new FreshMarks(clock, stored);
    const patchy = new Patchy(
      clock,
      [...table.states().keys()].filter((partition) => table.state(partition).active.patchy),
    );
    const freshness = new Freshness(clock, settings.staleAfterMs, { positions, marks, patchy });
    const ownWrites = new OwnWrites();
    wal.events = { warning: (name, line) => warnings.set(`log: ${name}`, line) };
    const guard = new LogGuard({
      wal,
      table,
      codecName: settings.codec,
      freshness,
      ownWrites,
      clock,
      logger,
    });

    let codec: Codec | undefined;
    let description: LogDescription | undefined;
    const applier = new Applier({
      wal,
      guard,
      table,
      entries,
      positions,
      freshness,
      marks,
      patchy,
      ownWrites,
      state,
      codecName: settings.codec,
      saveLost: options.saveLost,
      warn: (name, line) => warnings.set(name, line),
      onLog: (met) => {
        description = met;
        const reads =
          settings.codec === 'raw'
            ? rawCodec
            : createAvroCodec({ appendTime: met.appendTime, clock, random });
        warnings.set('log', ...met.warnings);
        codec = reads;
        options.onLog();
        return reads;
      },
      clock,
      logger,
    });
    const prober = new Prober({
      wal,
      positions,
      freshness,
      clock,
      staleAfterMs: settings.staleAfterMs,
      onAnswer: (askedAt) => guard.heard(askedAt),
      onAsked: () => applier.observe(),
    });

    this.#warmUp = new WarmUp({ table, entries, clock, logger });
    entries.onSwitched = () => this.#warmUp.again();
    state.onChange(() => {
      if (state.state === 'running') this.#warmUp.start();
    });
    this.table = table;
    this.freshness = freshness;
    this.applier = applier;
    this.#guard = guard;
    this.#prober = prober;
    this.store = new Store({
      table,
      entries,
      positions,
      freshness,
      patchy,
      ownWrites,
      prober,
      wal,
      peers,
      codec: () => codec,
      place: settings.codec === 'avro' ? () => 0 : partitionOf,
      recordBytesMax: () => description?.recordBytesMax,
      noteSilence: guard.noteSilence,
      sameLogNow: guard.sameNow,
      mayHaveLost: () => guard.uncleanElection,
      halted: () => state.state === 'halted',
      limits: settings,
      staleAfterMs: settings.staleAfterMs,
      writeTimeoutMs: settings.writeTimeoutMs,
      clock,
      logger,
    });
  }

  /** Reads the state that storage holds. @throws StorageError */
  static async open(options: CoreOptions): Promise<Core> {
    return new Core(options, await Table.load(options.storage));
  }

  /** What `/health` says. */
  healthy(): boolean {
    return this.applier.healthy();
  }

  /** Meets the log, recovers and follows until the signal aborts. @throws ExitError */
  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const end = () => stop.abort();
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
    const { signal: ended } = stop;
    try {
      await Promise.all([
        this.applier.run(ended),
        this.#prober.run(ended),
        this.#guard.run(ended),
        this.#warmUp.run(ended),
      ]);
    } finally {
      end();
      signal.removeEventListener('abort', end);
    }
  }
}
