import rdkafka from 'node-rdkafka';
import { eventually } from '../helpers/eventually.ts';
import type { WitnessedRecord, WitnessGap } from './history.ts';
import { readValue } from './values.ts';

const CONNECT_MS_MAX = 30_000;
const PATIENCE_MS = 60_000;
const ASK_MS_MAX = 10_000;

/** Reads the topic from its start on, beside the nodes, and keeps all of it: what was ever in the log. */
export class TopicWitness {
  readonly records: WitnessedRecord[] = [];
  readonly #consumer: rdkafka.KafkaConsumer;
  /** Next offset per partition. */
  readonly #next: number[];
  /** Offsets that were gone when they could be read. */
  readonly gaps: WitnessGap[] = [];
  readonly #topic: string;
  #closing = false;
  #loop: Promise<void> = Promise.resolve();

  private constructor(consumer: rdkafka.KafkaConsumer, topic: string, partitions: number) {
    this.#consumer = consumer;
    this.#topic = topic;
    this.#next = Array.from({ length: partitions }, () => 0);
  }

  static async open(brokers: string, topic: string, partitions: number): Promise<TopicWitness> {
    const consumer = new rdkafka.KafkaConsumer(
      {
        'metadata.broker.list': brokers,
        'group.id': `witness-${process.pid}-${Date.now()}`,
        'enable.auto.commit': false,
        'fetch.queue.backoff.ms': 5,
        'fetch.wait.max.ms': 50,
        'reconnect.backoff.ms': 20,
        'reconnect.backoff.max.ms': 500,
      },
      { 'auto.offset.reset': 'error' },
    );
    consumer.on('event.error', () => {});
    await new Promise<void>((resolve, reject) => {
      consumer.connect({ topic, allTopics: false, timeout: CONNECT_MS_MAX }, (error) =>
        error ? reject(error) : resolve(),
      );
    });
    const witness = new TopicWitness(consumer, topic, partitions);
    consumer.assign(witness.#next.map((offset, partition) => ({ topic, partition, offset })));
    consumer.setDefaultConsumeTimeout(20);
    witness.#loop = witness.#follow();
    return witness;
  }

  /**
   * The partitions' ends, asked now. A broker that was frozen does not know its partitions for a moment:
   * it is asked again.
   */
  ends(): Promise<number[]> {
    return Promise.all(
      this.#next.map(async (_, partition) => {
        const told = () => this.#tell(partition);
        const what = `the end of partition ${partition} is told`;
        const { highOffset } = await eventually(what, told, { withinMs: PATIENCE_MS });
        return highOffset;
      }),
    );
  }

  /** Resolves once everything below these offsets was met. */
  async until(ends: readonly number[]): Promise<void> {
    await eventually(
      `the witness reaches ${ends}`,
      () => ends.every((end, partition) => (this.#next[partition] ?? 0) >= end),
      { withinMs: PATIENCE_MS },
    );
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#loop;
    await new Promise<void>((resolve) => this.#consumer.disconnect(() => resolve()));
  }

  #tell(partition: number): Promise<rdkafka.WatermarkOffsets> {
    return new Promise((resolve, reject) => {
      this.#consumer.queryWatermarkOffsets(this.#topic, partition, ASK_MS_MAX, (error, offsets) =>
        error ? reject(error) : resolve(offsets),
      );
    });
  }

  async #follow(): Promise<void> {
    while (!this.#closing) {
      const messages = await new Promise<rdkafka.Message[]>((resolve) => {
        this.#consumer.consume(500, (error, found) => resolve(error ? [] : found));
      });
      for (const message of messages) this.#keep(message);
      // An error comes back at once.
      if (messages.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  #keep({ partition, offset, key, value, headers }: rdkafka.Message): void {
    const from = this.#next[partition] ?? 0;
    if (offset > from) this.gaps.push({ partition, from, to: offset });
    this.#next[partition] = offset + 1;
    const op = headers?.find((header) => 'bitacora-op' in header)?.['bitacora-op'];
    const gone = value === null || String(op) === 'delete';
    this.records.push({
      partition,
      offset,
      key: String(key),
      value: gone ? undefined : readValue(value.toString()),
      passing: value === null,
      seenAt: performance.now(),
    });
  }
}
