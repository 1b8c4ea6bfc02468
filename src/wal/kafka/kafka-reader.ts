import type { KafkaConsumer, LibrdKafkaError, Message, TopicPartitionOffset } from 'node-rdkafka';
import { LogUnavailableError } from '../../errors.ts';
import type { ReadBatch, WalReader } from '../wal.ts';
import {
  type ClientContext,
  connectClient,
  disconnectClient,
  type KafkaModule,
} from './kafka-client.ts';
import type { KafkaContact } from './kafka-contact.ts';
import { codeOf, KAFKA_CODE, saysGone } from './kafka-errors.ts';
import type { ConsumerConfig } from './kafka-options.ts';
import { recordOf } from './kafka-record.ts';
import { KafkaStallWatch } from './kafka-stall-watch.ts';

const CONNECT_MS_MAX = 5_000;
const FIRST_RECORD_MS = 50;

export interface KafkaReaderOptions {
  readonly kafka: KafkaModule;
  readonly config: ConsumerConfig;
  readonly topic: string;
  /** Next offsets to read; index = partition. */
  readonly positions: readonly number[];
  readonly context: ClientContext;
  readonly contact: KafkaContact;
  readonly ends: () => Promise<readonly number[]>;
  readonly onClosed: (reader: KafkaReader) => void;
}

/**
 * Reads in two phases: waits for one record, then takes what is queued already without waiting.
 * One native call at a time, as two would mix up the order of a partition's records.
 */
export class KafkaReader implements WalReader {
  readonly #options: KafkaReaderOptions;
  readonly #consumer: KafkaConsumer;
  readonly #positions: number[];
  readonly #watch: KafkaStallWatch;
  #reached: { partition: number; offset: number }[] = [];
  #idlePolls = 0;
  #more = false;
  #fault: LogUnavailableError | undefined;
  #pending: Promise<unknown> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: KafkaReaderOptions, consumer: KafkaConsumer) {
    this.#options = options;
    this.#consumer = consumer;
    this.#positions = [...options.positions];
    this.#watch = new KafkaStallWatch(options.ends, options.context.clock);
    consumer.on('partition.eof', ({ partition, offset }) => {
      this.#reached.push({ partition, offset });
      this.#positions[partition] = Math.max(this.#positions[partition] ?? 0, offset);
    });
    consumer.on('event.error', (error) => {
      if (!saysGone(error)) return;
      this.#fail(`Kafka does not know it any more: ${error.message}`);
      options.contact.doubt(`Kafka does not know the topic any more: ${error.message}`);
    });
  }

  /** Rejects with LogUnavailableError. */
  static async open(options: KafkaReaderOptions): Promise<KafkaReader> {
    const { kafka, config, topic, positions, context } = options;
    const consumer = new kafka.KafkaConsumer(config.global, config.topic);
    await connectClient(consumer, { topic, timeoutMs: CONNECT_MS_MAX, context });
    const reader = new KafkaReader(options, consumer);
    consumer.assign(reader.#places(positions));
    return reader;
  }

  async next(max: number): Promise<ReadBatch> {
    if (this.#closing !== undefined) throw new LogUnavailableError('the reader is closed');
    if (this.#pending !== undefined) throw new Error('a reader takes one next at a time');
    if (this.#fault !== undefined) throw this.#fault;
    const step = this.#step(max);
    this.#pending = step.catch(() => {});
    try {
      return await step;
    } finally {
      this.#pending = undefined;
    }
  }

  async seek(partition: number, offset: number): Promise<void> {
    if (this.#closing !== undefined) throw new LogUnavailableError('the reader is closed');
    if (this.#pending !== undefined) throw new Error('a reader seeks between its nexts');
    const { topic } = this.#options;
    this.#consumer.incrementalUnassign([{ topic, partition }]);
    this.#consumer.incrementalAssign([{ topic, partition, offset }]);
    this.#positions[partition] = offset;
    this.#reached = this.#reached.filter((each) => each.partition !== partition);
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      // Calls into the client while it goes away may end the process.
      await this.#pending;
      this.#options.onClosed(this);
      await disconnectClient(this.#consumer, this.#options.context.clock);
    })();
    return this.#closing;
  }

  async #step(max: number): Promise<ReadBatch> {
    let messages = this.#more ? await this.#consume(max, 0) : [];
    if (messages.length === 0) {
      messages = await this.#consume(1, FIRST_RECORD_MS);
      // One that comes alone costs its readers a commit like hundreds do.
      if (messages.length > 0 && max > 1) messages.push(...(await this.#followers(max - 1)));
    }
    this.#more = messages.length === max;
    const records = messages.map(recordOf);
    for (const { partition, offset } of records) {
      this.#positions[partition] = Math.max(this.#positions[partition] ?? 0, offset + 1);
    }
    if (records.length === 0) this.#idlePolls += 1;
    const stalled = this.#watch.check(this.#positions, () => this.#idlePolls);
    if (stalled !== undefined) this.#fail(`reading partition ${stalled} has stopped silently`);
    const reached = this.#reached;
    this.#reached = [];
    // What was read before the fault stands; the next call tells of it.
    if (this.#fault !== undefined && records.length === 0) throw this.#fault;
    return { records, reached };
  }

  /** What is queued behind a record. Never rejects: a fault here is told by the next call. */
  #followers(max: number): Promise<Message[]> {
    return this.#consume(max, 0).catch(() => []);
  }

  #consume(count: number, timeoutMs: number): Promise<Message[]> {
    return new Promise((resolve, reject) => {
      this.#consumer.setDefaultConsumeTimeout(timeoutMs);
      this.#consumer.consume(count, (error: LibrdKafkaError | null, messages) => {
        if (!error) return resolve(messages);
        // The group is for operators' tools only.
        if (codeOf(error) === KAFKA_CODE.groupAuthorization) return resolve([]);
        reject(this.#fail(`reading failed: ${error.message} (${error.code})`, error));
      });
    });
  }

  #fail(why: string, cause?: unknown): LogUnavailableError {
    this.#fault ??= new LogUnavailableError(`topic ${this.#options.topic}: ${why}`, cause);
    return this.#fault;
  }

  #places(positions: readonly number[]): TopicPartitionOffset[] {
    const { topic } = this.#options;
    return positions.map((offset, partition) => ({ topic, partition, offset }));
  }
}
