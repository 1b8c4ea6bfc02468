import { Admin } from '@platformatic/kafka';
import type { LibrdKafkaError, ProducerGlobalConfig } from 'node-rdkafka';
import kafka from 'node-rdkafka';
import { eventually } from './eventually.ts';

/** Kafka as other programs use it. */
export function rawAdmin(brokers: string): Admin {
  return new Admin({
    clientId: 'another-program',
    bootstrapBrokers: brokers.split(','),
    retries: 3,
  });
}

export async function createTopic(
  brokers: string,
  topic: string,
  configs: Readonly<Record<string, string>>,
  partitions = 3,
): Promise<void> {
  const admin = rawAdmin(brokers);
  try {
    await admin.createTopics({
      topics: [topic],
      partitions,
      replicas: 1,
      configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
    });
  } finally {
    await admin.close();
  }
}

/** Deletes the topic; `create`: makes it again at once. */
export async function deleteTopic(brokers: string, topic: string): Promise<void> {
  const admin = rawAdmin(brokers);
  try {
    await admin.deleteTopics({ topics: [topic] });
  } finally {
    await admin.close();
  }
}

export interface RawRecord {
  readonly partition?: number | null;
  readonly key?: Buffer | null;
  readonly value: Buffer | null;
  /** ms; the broker's where the topic says LogAppendTime. */
  readonly timestamp?: number;
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

/** A producer of another program. `config` over its defaults. */
export class RawProducer {
  readonly #producer: kafka.Producer;
  readonly #topic: string;
  #reports: { partition: number; offset: number; error: string | undefined }[] = [];

  private constructor(producer: kafka.Producer, topic: string) {
    this.#producer = producer;
    this.#topic = topic;
    producer.on('delivery-report', (error: LibrdKafkaError | null, { partition, offset }) => {
      this.#reports.push({ partition, offset, error: error?.message });
    });
    producer.setPollInterval(5);
  }

  static async open(
    brokers: string,
    topic: string,
    config: ProducerGlobalConfig = {},
  ): Promise<RawProducer> {
    const producer = new kafka.Producer(
      { 'metadata.broker.list': brokers, dr_cb: true, 'linger.ms': 0, ...config },
      { partitioner: 'murmur2_random' },
    );
    await done((callback) => producer.connect({ topic, allTopics: false }, callback));
    return new RawProducer(producer, topic);
  }

  /** Sends all and waits for all reports, in the order that they came. */
  async send(records: readonly RawRecord[]) {
    this.#reports = [];
    for (const record of records) {
      const { partition = null, key = Buffer.from('k'), value, timestamp, headers = [] } = record;
      const named = headers.map(([name, text]) => ({ [name]: text }));
      this.#producer.produce(this.#topic, partition, value, key, timestamp, undefined, named);
    }
    await eventually('all reports', () => this.#reports.length === records.length);
    return this.#reports;
  }

  async inTransaction(records: readonly RawRecord[], end: 'commit' | 'abort'): Promise<void> {
    await this.beginTransaction();
    await this.send(records);
    await this.endTransaction(end);
  }

  async beginTransaction(): Promise<void> {
    await done((callback) => this.#producer.beginTransaction(callback));
  }

  async endTransaction(end: 'commit' | 'abort'): Promise<void> {
    await done((callback) =>
      end === 'commit'
        ? this.#producer.commitTransaction(callback)
        : this.#producer.abortTransaction(callback),
    );
  }

  async readyForTransactions(): Promise<void> {
    await done((callback) => this.#producer.initTransactions(30_000, callback));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => this.#producer.disconnect(1_000, () => resolve()));
  }
}

function done(start: (callback: (error: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error ? reject(error) : resolve()));
  });
}
