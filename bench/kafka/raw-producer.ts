import kafka from 'node-rdkafka';
import { type KafkaConnection, producerConfig } from '../../src/wal/kafka/kafka-options.ts';

export interface Delivered {
  readonly partition: number;
  readonly offset: number;
}

const FLUSH_MS = 250;
const LIMITS = { writeTimeoutMs: 30_000, messageBytesMax: 1_048_588 };

export function connectionTo(brokers: string): KafkaConnection {
  return { brokers, clientId: 'bench', security: { protocol: 'plaintext' } };
}

/** node-rdkafka and nothing else, with the settings of a node and its pump, which is the fastest way known. */
export class RawProducer {
  readonly #producer: kafka.Producer;
  readonly #topic: string;
  #underWay = 0;
  #pumping = false;

  private constructor(producer: kafka.Producer, topic: string) {
    this.#producer = producer;
    this.#topic = topic;
    producer.on('delivery-report', (error, { partition, offset, opaque }) => {
      this.#underWay--;
      if (error) throw new Error(`not delivered: ${error.message}`);
      (opaque as (delivered: Delivered) => void)({ partition, offset });
    });
  }

  static async open(brokers: string, topic: string): Promise<RawProducer> {
    const { global, topic: topicConfig } = producerConfig(connectionTo(brokers), LIMITS);
    const producer = new kafka.Producer(global, topicConfig);
    await new Promise<void>((resolve, reject) => {
      producer.connect({ topic, allTopics: false }, (error) => (error ? reject(error) : resolve()));
    });
    return new RawProducer(producer, topic);
  }

  produce(
    record: { readonly partition: number; readonly key: Buffer; readonly value: Buffer },
    delivered: (delivered: Delivered) => void,
  ): void {
    const { partition, key, value } = record;
    this.#producer.produce(this.#topic, partition, value, key, undefined, delivered);
    this.#underWay++;
    this.#pump();
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#producer.disconnect(1_000, () => resolve()));
  }

  #pump(): void {
    if (this.#pumping || this.#underWay === 0) return;
    this.#pumping = true;
    this.#producer.flush(FLUSH_MS, () => {
      this.#pumping = false;
      this.#pump();
    });
  }
}
