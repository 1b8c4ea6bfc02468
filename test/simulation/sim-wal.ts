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
import { type Incarnation, readableEnd, type SimLog } from './sim-log.ts';
import { SimReader } from './sim-reader.ts';

export interface SimWalOptions {
  readonly log: SimLog;
  /** The time of the client's own threads, which go on while the process's code stands still. */
  readonly clock: Clock;
  /** Resolves as soon as the process's code runs. */
  readonly awake: () => Promise<void>;
  readonly random: Random;
  readonly writeTimeoutMs: number;
  /** The network between this node and the log. */
  readonly reachable: () => boolean;
  /** Readers deliver nothing and say nothing, although everything else works. */
  readonly deaf: () => boolean;
  /** What one way over that network takes at most, ms. */
  readonly delayMsMax: () => number;
  /** Whether what is sent over it now is lost, by chance. */
  readonly loses: () => boolean;
  /** A record was sent again whose acknowledgement was lost. */
  readonly sentAgain: () => void;
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

  readableEnds(): Promise<readonly number[]> {
    return this.#ask(({ partitions }) => partitions.map(readableEnd));
  }

  bounds(): Promise<readonly PartitionBounds[]> {
    return this.#ask(({ partitions }) =>
      partitions.map((each) => ({ start: 0, end: each.end, readable: readableEnd(each) })),
    );
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
    try {
      return await this.#append(request);
    } finally {
      await this.#options.awake();
    }
  }

  async #append(request: AppendRequest): Promise<Appended> {
    const { log, clock, random, writeTimeoutMs, sentAgain } = this.#options;
    if (request.key.length + request.value.length > RECORD_BYTES_MAX) {
      throw new ServiceError('too_large', 'too large', { outcome: 'not_written' });
    }
    const until = clock.monotonic() + writeTimeoutMs - 2_000;
    let written: { record: LogRecord; incarnation: Incarnation } | undefined;
    for (;;) {
      await this.#time(this.#delay());
      if (this.#closed) throw unavailable(written === undefined ? 'not_written' : 'unknown');
      if (this.#arrives()) {
        // Idempotent: what was written once is only acknowledged again.
        if (written?.incarnation !== log.current) written = undefined;
        if (written !== undefined) sentAgain();
        written ??= { record: log.append(request), incarnation: log.current };
        await this.#time(this.#delay());
        if (this.#arrives() && !random.chance(0.01)) break;
      }
      if (clock.monotonic() >= until) throw unavailable('unknown');
      await this.#time(APPEND_RETRY_MS);
    }
    const { offset, timestamp } = written.record;
    const last = this.#lastAcked.get(request.partition) ?? -1;
    if (offset < last && last - offset > REORDERED_ACKS_MAX) {
      this.#tell(() => this.events.identityDoubt?.('a delivery report went back'));
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

  async #ask<T>(answer: (incarnation: Incarnation) => T): Promise<T> {
    try {
      return await this.#exchange(answer);
    } finally {
      await this.#options.awake();
    }
  }

  /** One question and its answer; both ways take time and may be cut. */
  async #exchange<T>(answer: (incarnation: Incarnation) => T): Promise<T> {
    const { log } = this.#options;
    await this.#time(this.#delay());
    if (this.#arrives() && !this.#closed) {
      const given = answer(log.current);
      await this.#time(this.#delay());
      if (this.#arrives()) {
        this.#contact(true);
        return given;
      }
    }
    if (!this.#closed) await this.#time(CALL_TIMEOUT_MS);
    this.#contact(false);
    throw new LogUnavailableError('the log does not answer');
  }

  /** Whether what was sent has arrived. */
  #arrives(): boolean {
    const { log, reachable, loses } = this.#options;
    return log.up && reachable() && !loses();
  }

  #contact(connected: boolean): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    this.#tell(() => this.events.contact?.(connected));
  }

  #tell(event: () => void): void {
    void this.#options.awake().then(event);
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
