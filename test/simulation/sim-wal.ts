import type { Clock } from '../../src/clock.ts';
import { LogUnavailableError, ServiceError } from '../../src/errors.ts';
import type { LogIdentity } from '../../src/log-identity.ts';
import type { LogRecord } from '../../src/record.ts';
import type {
  Appended,
  AppendRequest,
  LogDescription,
  PartitionBounds,
  Wal,
  WalEvents,
  WalReader,
} from '../../src/wal/wal.ts';
import type { Random } from './scheduler.ts';
import type { Incarnation, SimLog } from './sim-log.ts';
import { SimReader } from './sim-reader.ts';

export interface SimWalOptions {
  readonly log: SimLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly writeTimeoutMs: number;
  /** The network between this node and the log. */
  readonly reachable: () => boolean;
  /** Readers deliver nothing and say nothing, although everything else works. */
  readonly deaf: () => boolean;
  /** What one way over that network takes at most, ms. */
  readonly delayMsMax: () => number;
}

const CALL_TIMEOUT_MS = 200;
const APPEND_RETRY_MS = 20;
const RECORD_BYTES_MAX = 2 * 1024 * 1024;

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
      recordBytesMax: RECORD_BYTES_MAX,
      deleteRetentionMs: this.#options.log.deleteRetentionMs,
      uncleanElection: this.#options.log.uncleanElection,
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
    if (request.key.length + request.value.length > RECORD_BYTES_MAX) {
      throw new ServiceError('too_large', 'too large', { outcome: 'not_written' });
    }
    const until = clock.monotonic() + writeTimeoutMs - 2_000;
    let written: { record: LogRecord; incarnation: Incarnation } | undefined;
    for (;;) {
      await this.#time(this.#delay());
      if (this.#closed) throw unavailable(written === undefined ? 'not_written' : 'unknown');
      if (this.#reaches()) {
        // Idempotent: what was written once is only acknowledged again.
        if (written?.incarnation !== log.current) written = undefined;
        written ??= { record: log.append(request), incarnation: log.current };
        await this.#time(this.#delay());
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
    return new SimReader({ ...this.#options, positions, delay: () => this.#delay() });
  }

  publishPositions(): void {}

  async close(): Promise<void> {
    this.#closed = true;
  }

  /** One question and its answer; both ways take time and may be cut. */
  async #ask<T>(answer: (incarnation: Incarnation) => T): Promise<T> {
    const { log } = this.#options;
    await this.#time(this.#delay());
    if (this.#reaches() && !this.#closed) {
      const given = answer(log.current);
      await this.#time(this.#delay());
      if (this.#reaches()) {
        this.#contact(true);
        return given;
      }
    }
    if (!this.#closed) await this.#time(CALL_TIMEOUT_MS);
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

  #delay(): number {
    return this.#options.random.between(0.1, this.#options.delayMsMax());
  }

  #time(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.after(ms, resolve));
  }
}

/** Acknowledgements of one partition may arrive in another order than they were given. */
const REORDERED_ACKS_MAX = 200;

function unavailable(outcome: 'not_written' | 'unknown'): ServiceError {
  return new ServiceError('log_unavailable', 'the log does not answer', { outcome });
}
