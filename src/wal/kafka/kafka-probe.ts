import type { KafkaConsumer, LibrdKafkaError, TopicPartitionOffset } from 'node-rdkafka';
import { inTurns } from '../../async.ts';
import { LogUnavailableError } from '../../errors.ts';
import {
  type ClientContext,
  connectClient,
  disconnectClient,
  type KafkaModule,
} from './kafka-client.ts';
import type { KafkaContact } from './kafka-contact.ts';
import { saysGone } from './kafka-errors.ts';
import type { ConsumerConfig } from './kafka-options.ts';

const ANSWER_MS_MAX = 2_000;
/** Failures in a row after which a new client is tried: now and then an old one never recovers. */
const FAILURES_MAX = 3;
const RENEW_AFTER_MS = 10_000;
/** Kafka's words in a question for offsets. */
const LATEST = -1;
const EARLIEST = -2;

export interface KafkaProbeOptions {
  readonly kafka: KafkaModule;
  readonly config: ConsumerConfig;
  readonly topic: string;
  readonly partitions: number;
  readonly context: ClientContext;
  readonly contact: KafkaContact;
}

/** An idle client that is asked for offsets; which ends it is told its isolation says. */
export class KafkaProbe {
  readonly starts: () => Promise<readonly number[]>;
  readonly ends: () => Promise<readonly number[]>;
  readonly #options: KafkaProbeOptions;
  #client: KafkaConsumer | undefined;
  #connecting: Promise<KafkaConsumer> | undefined;
  #ends: readonly number[] = [];
  #failures = 0;
  #madeAt = 0;
  #closed = false;

  constructor(options: KafkaProbeOptions) {
    this.#options = options;
    this.starts = inTurns(() => this.#offsets(EARLIEST));
    this.ends = inTurns(() => this.#offsets(LATEST));
  }

  /** Rejects with LogUnavailableError. */
  async connect(timeoutMs: number): Promise<void> {
    await this.#connected(timeoutMs);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) await disconnectClient(client, this.#options.context.clock);
  }

  async #connected(timeoutMs: number): Promise<KafkaConsumer> {
    this.#refuseClosed();
    if (this.#client !== undefined) return this.#client;
    this.#connecting ??= this.#open(timeoutMs).finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #open(timeoutMs: number): Promise<KafkaConsumer> {
    const { kafka, config, topic, context } = this.#options;
    const client = new kafka.KafkaConsumer(config.global, config.topic);
    await connectClient(client, { topic, timeoutMs, context });
    if (this.#closed) void disconnectClient(client, context.clock);
    this.#refuseClosed();
    this.#client = client;
    this.#failures = 0;
    this.#madeAt = context.clock.monotonic();
    return client;
  }

  async #offsets(what: number): Promise<readonly number[]> {
    const { contact, partitions } = this.#options;
    const client = await this.#connected(ANSWER_MS_MAX).catch((error: unknown) => {
      contact.set(false);
      throw error;
    });
    const found = await this.#question(client, what).catch((error: LibrdKafkaError) => {
      throw this.#failure(client, error);
    });
    this.#failures = 0;
    contact.set(true);
    const offsets = Array.from({ length: partitions }, () => -1);
    for (const { partition, offset } of found) {
      if (partition < partitions && Number.isSafeInteger(offset)) offsets[partition] = offset;
    }
    const missing = offsets.findIndex((offset) => offset < 0);
    if (missing < 0) {
      if (what === LATEST) this.#compare(offsets);
      return offsets;
    }
    const lack = `Kafka gave no offset for partition ${missing} of ${this.#options.topic}`;
    contact.doubt(lack);
    throw new LogUnavailableError(lack);
  }

  /** Ends only rise, unless it is another log or one that was cut. */
  #compare(ends: readonly number[]): void {
    const fallen = ends.findIndex((end, partition) => end < (this.#ends[partition] ?? 0));
    const former = this.#ends[fallen];
    this.#ends = ends;
    if (former === undefined) return;
    this.#options.contact.doubt(
      `the end of partition ${fallen} fell from ${former} to ${ends[fallen]}`,
    );
  }

  #failure(client: KafkaConsumer, error: LibrdKafkaError): LogUnavailableError {
    const { contact, topic, context } = this.#options;
    if (this.#closed) return new LogUnavailableError('the log is closed', error);
    const gone = saysGone(error);
    // That the topic is gone is an answer, too.
    contact.set(gone);
    if (gone) contact.doubt(`Kafka does not know the topic ${topic}: ${error.message}`);
    this.#failures += 1;
    const old = context.clock.monotonic() - this.#madeAt > RENEW_AFTER_MS;
    if (this.#failures >= FAILURES_MAX && old && this.#client === client) {
      this.#client = undefined;
      void disconnectClient(client, context.clock);
    }
    return new LogUnavailableError(`Kafka does not tell offsets: ${error.message}`, error);
  }

  #question(client: KafkaConsumer, what: number): Promise<TopicPartitionOffset[]> {
    const { topic, partitions } = this.#options;
    const asked = Array.from({ length: partitions }, (_, partition) => ({
      topic,
      partition,
      offset: what,
    }));
    return new Promise((resolve, reject) => {
      client.offsetsForTimes(asked, ANSWER_MS_MAX, (error: LibrdKafkaError | null, offsets) => {
        if (error) reject(error);
        else resolve(offsets);
      });
    });
  }

  #refuseClosed(): void {
    if (this.#closed) throw new LogUnavailableError('the log is closed');
  }
}
