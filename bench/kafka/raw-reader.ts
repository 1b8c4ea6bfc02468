import kafka from 'node-rdkafka';
import { readerConfig } from '../../src/wal/kafka/kafka-options.ts';
import { connectionTo } from './raw-producer.ts';
import { PARTITIONS } from './topics.ts';

const BATCH = 500;
const FIRST_RECORD_MS = 50;
/** What librdkafka understands as the end. */
const OFFSET_END = -1;

export interface RawReaderOptions {
  readonly brokers: string;
  readonly topic: string;
  readonly from: 'beginning' | 'end';
  /** false: it is enough. */
  readonly take: (messages: readonly kafka.Message[]) => boolean;
}

/** What a reader has read once it was enough, or once it has met all ends. */
export interface RawRead {
  readonly records: number;
  /** Until the last record, or the last end: from the first record, or where whole fetches come before it from the subscription. */
  readonly seconds: number;
  /** CPU time of this process meanwhile, us. */
  readonly cpuUs: number;
}

/** node-rdkafka with the settings of a node and its loop: one record is waited for, then all that lie there are taken. */
export async function readRaw(options: RawReaderOptions): Promise<RawRead> {
  const { brokers, topic, from, take } = options;
  const { global, topic: topicConfig } = readerConfig(connectionTo(brokers), `bench.${topic}`);
  const consumer = new kafka.KafkaConsumer(global, topicConfig);
  await new Promise<void>((resolve, reject) => {
    consumer.connect({ topic, allTopics: false }, (error) => (error ? reject(error) : resolve()));
  });
  const ends = new Set<number>();
  consumer.on('partition.eof', ({ partition }) => ends.add(partition));
  const offset = from === 'beginning' ? 0 : OFFSET_END;
  consumer.assign(
    Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition, offset })),
  );
  let [records, begun, cpu] = [0, 0, process.cpuUsage()];
  for (let more = false, going = true; going; ) {
    const messages = await consume(consumer, more ? BATCH : 1, more ? 0 : FIRST_RECORD_MS);
    more = messages.length > 0;
    if (records === 0 && more) [begun, cpu] = [performance.now(), process.cpuUsage()];
    records += messages.length;
    going = take(messages) && !(from === 'beginning' && !more && ends.size === PARTITIONS);
  }
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - begun) / 1_000;
  await new Promise<void>((resolve) => consumer.disconnect(() => resolve()));
  return { records, seconds, cpuUs: user + system };
}

function consume(
  consumer: kafka.KafkaConsumer,
  count: number,
  timeoutMs: number,
): Promise<kafka.Message[]> {
  consumer.setDefaultConsumeTimeout(timeoutMs);
  return new Promise((resolve, reject) => {
    consumer.consume(count, (error, messages) => (error ? reject(error) : resolve(messages)));
  });
}
