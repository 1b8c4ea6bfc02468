import { withDeadline } from '../../async.ts';
import type { Clock } from '../../clock.ts';
import { LogUnavailableError, messageOf, ServiceError } from '../../errors.ts';
import type { LogIdentity } from '../../log-identity.ts';
import type { Logger } from '../../logger.ts';
import type { LogRecord } from '../../record.ts';
import { type Storage, UntriedError } from '../../storage/storage.ts';
import type {
  Appended,
  AppendRequest,
  LogDescription,
  PartitionBounds,
  Wal,
  WalEvents,
  WalReader,
} from '../wal.ts';
import { AppendQueue, lost, type WaitingAppend } from './append-queue.ts';
import { openIdentity } from './embedded-identity.ts';
import { EmbeddedLog, type PreparedBatch } from './embedded-log.ts';
import { EmbeddedReader } from './embedded-reader.ts';

export interface EmbeddedWalOptions {
  /** The log's own; the caller closes it after the log. */
  readonly storage: Storage;
  readonly topic: string;
  /** Only for a log that is made now. */
  readonly partitions: number;
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
  readonly clock: Clock;
  /** Gives a random id. */
  readonly random: () => string;
  readonly logger: Logger;
  /** Whether an acknowledged record is on stable storage. */
  readonly durable: boolean;
}

/** The log of a node that stands alone, on a storage of its own. */
export class EmbeddedWal implements Wal {
  readonly kind = 'embedded';
  events: WalEvents = {};
  readonly #options: EmbeddedWalOptions;
  readonly #log: EmbeddedLog;
  readonly #queue: AppendQueue;
  readonly #readers = new Set<EmbeddedReader>();
  #connected = false;
  #closing: Promise<void> | undefined;

  private constructor(options: EmbeddedWalOptions, log: EmbeddedLog) {
    this.#options = options;
    this.#log = log;
    this.#queue = new AppendQueue((batch) => this.#commit(batch));
  }

  /** Rejects with StorageError, or with ExitError 2 when the storage holds another topic's log. */
  static async open(options: EmbeddedWalOptions): Promise<EmbeddedWal> {
    const { storage, topic, partitions, random } = options;
    const fresh = { clusterId: random(), topicId: random(), topic, partitions };
    const identity = await openIdentity(storage, fresh);
    return new EmbeddedWal(options, await EmbeddedLog.open(storage, identity));
  }

  get connected(): boolean {
    return this.#connected;
  }

  async connect(): Promise<LogDescription> {
    this.#refuseClosed();
    this.#connected = true;
    return {
      identity: this.#log.identity,
      recordBytesMax: this.#recordBytesMax,
      deleteRetentionMs: Number.MAX_SAFE_INTEGER,
      uncleanElection: false,
      appendTime: true,
      warnings: [],
    };
  }

  async identity(): Promise<LogIdentity> {
    this.#refuseClosed();
    return this.#log.identity;
  }

  async ends(): Promise<readonly number[]> {
    this.#refuseClosed();
    return this.#log.ends();
  }

  readableEnds(): Promise<readonly number[]> {
    return this.ends();
  }

  async bounds(): Promise<readonly PartitionBounds[]> {
    this.#refuseClosed();
    return this.#log.bounds();
  }

  async fetch(
    places: readonly { readonly partition: number; readonly offset: number }[],
  ): Promise<readonly (LogRecord | undefined)[]> {
    this.#refuseClosed();
    try {
      return await this.#log.fetch(places);
    } catch (error) {
      throw new LogUnavailableError(`the log cannot be read: ${messageOf(error)}`, error);
    }
  }

  async append(request: AppendRequest): Promise<Appended> {
    if (this.#closing !== undefined) throw lost('The log is closed', 'not_written');
    const { partition, key, value } = request;
    if (!(partition >= 0 && partition < this.#log.identity.partitions)) {
      throw new RangeError(`the log has no partition ${partition}`);
    }
    if (key.length === 0 || value.length === 0) {
      throw new RangeError('a record needs a key and a value of at least one byte');
    }
    const size = key.length + value.length;
    if (size > this.#recordBytesMax) {
      const message = `Key and value have ${size} bytes, the log takes ${this.#recordBytesMax}`;
      throw new ServiceError('too_large', message, { outcome: 'not_written' });
    }
    return this.#queue.add(request);
  }

  async read(positions: readonly number[]): Promise<WalReader> {
    this.#refuseClosed();
    const { clock } = this.#options;
    const closed = () => this.#readers.delete(reader);
    const reader = new EmbeddedReader({ log: this.#log, clock, positions, closed });
    this.#readers.add(reader);
    return reader;
  }

  publishPositions(): void {}

  close(flushMs: number): Promise<void> {
    this.#closing ??= this.#close(flushMs);
    return this.#closing;
  }

  async #close(flushMs: number): Promise<void> {
    const { clock } = this.#options;
    await withDeadline(clock, this.#queue.drained(), flushMs, () => {
      this.#queue.abandon('The log was closed');
    });
    this.#connected = false;
    await Promise.all([...this.#readers].map((reader) => reader.close()));
  }

  /** One batch of the queue; settles all its appends. */
  async #commit(batch: readonly WaitingAppend[]): Promise<void> {
    const { clock, durable } = this.#options;
    let prepared: PreparedBatch;
    try {
      const requests = batch.map(({ request }) => request);
      prepared = await this.#log.prepare(requests, clock.now());
    } catch (error) {
      return this.#failed(batch, 'not_written', error);
    }
    try {
      await this.#log.commit(prepared, durable);
    } catch (error) {
      const untried = error instanceof UntriedError;
      return this.#failed(batch, untried ? 'not_written' : 'unknown', error);
    }
    this.#contact(true);
    for (const [i, { resolve }] of batch.entries()) {
      const record = prepared.records[i];
      if (record !== undefined) resolve({ offset: record.offset, timestamp: record.timestamp });
    }
    for (const reader of this.#readers) reader.wake();
  }

  #failed(
    batch: readonly WaitingAppend[],
    outcome: 'not_written' | 'unknown',
    error: unknown,
  ): void {
    const fields = { reason: messageOf(error), records: batch.length };
    this.#options.logger.error(fields, 'the log could not be written');
    for (const { reject } of batch) reject(lost('The log could not be written', outcome, error));
    this.#contact(false);
  }

  #contact(connected: boolean): void {
    if (this.#connected === connected || this.#closing !== undefined) return;
    this.#connected = connected;
    this.events.contact?.(connected);
  }

  get #recordBytesMax(): number {
    return this.#options.keyBytesMax + this.#options.valueBytesMax;
  }

  #refuseClosed(): void {
    if (this.#closing !== undefined) throw new LogUnavailableError('the log is closed');
  }
}
