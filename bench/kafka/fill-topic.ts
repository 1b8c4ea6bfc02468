import { partitionOf } from '../../src/codec/partitioner.ts';
import { keyOf, numbersBelow } from '../memory/figures.ts';
import { RawProducer } from './raw-producer.ts';
import { benchTopic, PARTITIONS } from './topics.ts';

export interface Filling {
  readonly records: number;
  /** As many as records: each key once, in order. Fewer: drawn at random. */
  readonly keys: number;
  readonly valueBytes: number;
}

const UNDER_WAY_MAX = 20_000;

/** A topic with these records; returns its name. */
export async function filledTopic(brokers: string, filling: Filling): Promise<string> {
  const topic = await benchTopic(brokers);
  await produceAll(brokers, topic, filling);
  return topic;
}

/** Keys lie where a node expects them. */
export async function produceAll(
  brokers: string,
  topic: string,
  { records, keys, valueBytes }: Filling,
): Promise<void> {
  const producer = await RawProducer.open(brokers, topic);
  const random = numbersBelow(keys);
  // Random bytes as text: what compresses to nothing would flatter whoever reads it.
  const values = Array.from({ length: 64 }, (_, i) => noise(valueBytes, i + 1));
  let sent = 0;
  let delivered = 0;
  await new Promise<void>((resolve) => {
    const send = () => {
      while (sent < records && sent - delivered < UNDER_WAY_MAX) {
        const key = Buffer.from(keyOf(keys === records ? sent : random()));
        const value = values[sent % values.length] as Buffer;
        producer.produce({ partition: partitionOf(key, PARTITIONS), key, value }, () => {
          delivered++;
          if (delivered === records) resolve();
          else if (sent - delivered < UNDER_WAY_MAX / 2) send();
        });
        sent++;
      }
    };
    send();
  });
  await producer.close();
}

function noise(bytes: number, seed: number): Buffer {
  const random = numbersBelow(64);
  for (let i = 0; i < seed; i++) random();
  return Buffer.from(Array.from({ length: bytes }, () => 48 + random()));
}
