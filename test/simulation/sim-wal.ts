import type { Clock } from '../../src/clock.ts';
import { LogUnavailableError, ServiceError } from '../../src/errors.ts';
import type { LogIdentity } from '../../src/log-identity.ts';
import type { LogRecord } from '../../src/record.ts';
import type {
  Appended,
  AppendRequest,
  LogDescription,
  PartitionBounds,
  ReadBatch,
  Wal,
  WalEvents,
  WalReader,
} from '../../src/wal/wal.ts';
import type { Random } from './scheduler.ts';
import type { Incarnation, SimLog } from './sim-log.ts';

export interface SimWalOptions {
  readonly log: SimLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly writeTimeoutMs: number;
  /** The network between this node and the log. */
  readonly reachable: () => boolean;
}

const ANSWER_MS_MAX = 3;
const CALL_TIMEOUT_MS = 200;
const READ_WAIT_MS = 50;
const APPEND_RETRY_MS = 20;
const OFFSETS_PER_FETCH_MAX = 40;

/** A client of the simulated log with the habits of the Kafka client: silence, late answers, doubt. */
export class SimWal implements Wal {
  readonly kind = 'kafka';
  readonly #options: SimWalOptions;
  events: WalEvents = {};
  #connected = false;
  #closed = false;
  readonly #lastAcked = new Map<number, number>();

  constructor(options: SimWalOptions) {
    this.#options = options;
  }

  get connected(): boolean {
    return this.#connected;
  }

  async connect(): Promise<LogDescription> {
    const identity = await this.identity();
    return {
      identity,
      recordBytesMax: undefined,
      deleteRetentionMs: 7 * 86_400_000,
      appendTime: true,
      warnings: [],
    };
  }

  identity(): Promise<LogIdentity> {
    return this.#ask(({ identity }) => identity);
  }

  ends(): Promise<readonly number[]> {
    return this.#ask(({ partitions }) => partitions.map(({ end }) => end));
  }

  bounds(): Promise<readonly PartitionBounds[]> {
    return this.#ask(({ partitions }) => partitions.map(({ end }) => ({ start: 0, end })));
  }

  fetch(
    places: readonly { readonly partition: number; readonly offset: number }[],
  ): Promise<readonly (LogRecord | undefined)[]> {
    return this.#ask(({ partitions }) =>
      places.map(({ partition, offset }) =>
        partitions[partition]?.records.find((record) => record.offset === offset),
      ),
    );
  }

  async append(request: AppendRequest): Promise<Appended> {
    const { log, clock, random, writeTimeoutMs } = this.#options;
    const until = clock.monotonic() + writeTimeoutMs - 2_000;
    let written: { record: LogRecord; incarnation: Incarnation } | undefined;
    for (;;) {
      await this.#time(random.between(0.1, ANSWER_MS_MAX));
      if (this.#closed) throw unavailable(written === undefined ? 'not_written' : 'unknown');
      if (this.#reaches()) {
        // Idempotent: what was written once is only acknowledged again.
        if (written?.incarnation !== log.current) written = undefined;
        written ??= { record: log.append(request), incarnation: log.current };
        await this.#time(random.between(0.1, ANSWER_MS_MAX));
        if (this.#reaches() && !random.chance(0.01)) break;
      }
      if (clock.monotonic() >= until) throw unavailable('unknown');
      await this.#time(APPEND_RETRY_MS);
    }
    const { offset, timestamp } = written.record;
    const last = this.#lastAcked.get(request.partition) ?? -1;
    if (offset < last && last - offset > REORDERED_ACKS_MAX) {
      this.events.identityDoubt?.('a delivery report went back');
      throw unavailable('unknown');
    }
    this.#lastAcked.set(request.partition, Math.max(last, offset));
    return { offset, timestamp };
  }

  async read(positions: readonly number[]): Promise<WalReader> {
    await this.#ask(() => undefined);
    return new SimReader(this.#options, positions, (ms) => this.#time(ms));
  }

  publishPositions(): void {}

  async close(): Promise<void> {
    this.#closed = true;
  }

  /** One question and its answer; both ways take time and may be cut. */
  async #ask<T>(answer: (incarnation: Incarnation) => T): Promise<T> {
    const { log, random } = this.#options;
    await this.#time(random.between(0.1, ANSWER_MS_MAX));
    if (this.#reaches() && !this.#closed) {
      const given = answer(log.current);
      await this.#time(random.between(0.1, ANSWER_MS_MAX));
      if (this.#reaches()) {
        this.#contact(true);
        return given;
      }
    }
    await this.#time(CALL_TIMEOUT_MS);
    this.#contact(false);
    throw new LogUnavailableError('the log does not answer');
  }

  #reaches(): boolean {
    return this.#options.log.up && this.#options.reachable();
  }

  #contact(connected: boolean): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    this.events.contact?.(connected);
  }

  #time(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.after(ms, resolve));
  }
}

/** Acknowledgements of one partition may arrive in another order than they were given. */
const REORDERED_ACKS_MAX = 64;

/** Reads on silently when its topic is re-created, or stops for ever without a word: both were seen. */
class SimReader implements WalReader {
  readonly #options: SimWalOptions;
  readonly #positions: number[];
  readonly #told: number[] = [];
  readonly #time: (ms: number) => Promise<void>;
  readonly #incarnation: Incarnation;
  readonly #followsRecreation: boolean;
  #closed = false;

  constructor(
    options: SimWalOptions,
    positions: readonly number[],
    time: (ms: number) => Promise<void>,
  ) {
    this.#options = options;
    this.#positions = [...positions];
    this.#time = time;
    this.#incarnation = options.log.current;
    this.#followsRecreation = options.random.chance(0.5);
  }

  async next(max: number): Promise<ReadBatch> {
    const { log, random, reachable } = this.#options;
    const waits = random.between(0.1, ANSWER_MS_MAX);
    await this.#time(waits);
    const deaf = log.current !== this.#incarnation && !this.#followsRecreation;
    let batch = deaf || !log.up || !reachable() ? undefined : this.#fetch(max);
    if (batch === undefined) {
      await this.#appendOrSilence(READ_WAIT_MS - waits);
      if (!deaf && log.up && reachable()) batch = this.#fetch(max);
    }
    if (this.#closed) throw new Error('closed');
    return batch ?? { records: [], reached: [] };
  }

  async seek(partition: number, offset: number): Promise<void> {
    this.#positions[partition] = offset;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  /** What is there now, undefined for nothing. */
  #fetch(max: number): ReadBatch | undefined {
    const { log, random } = this.#options;
    const records: LogRecord[] = [];
    const reached: { partition: number; offset: number }[] = [];
    for (const [partition, { records: all, end }] of log.current.partitions.entries()) {
      const position = this.#positions[partition] ?? 0;
      if (position > end) throw new Error('Local: offset out of range (-140)');
      const limit = Math.min(max - records.length, random.integer(1, OFFSETS_PER_FETCH_MAX));
      const found = all.filter(({ offset }) => offset >= position).slice(0, limit);
      records.push(...found);
      const last = found.at(-1);
      const next = last === undefined ? position : last.offset + 1;
      this.#positions[partition] = next;
      const complete = !all.some(({ offset }) => offset >= next);
      if (complete && this.#told[partition] !== end) {
        reached.push({ partition, offset: end });
        this.#told[partition] = end;
        this.#positions[partition] = end;
      }
    }
    return records.length + reached.length === 0 ? undefined : { records, reached };
  }

  #appendOrSilence(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        stop();
        cancel();
        resolve();
      };
      const cancel = this.#options.clock.after(ms, done);
      const stop = this.#options.log.onAppend(() => {
        stop();
        this.#options.clock.after(this.#options.random.between(0.1, ANSWER_MS_MAX), done);
      });
    });
  }
}

function unavailable(outcome: 'not_written' | 'unknown'): ServiceError {
  return new ServiceError('log_unavailable', 'the log does not answer', { outcome });
}
