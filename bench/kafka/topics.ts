import { createTopic } from '../../test/helpers/raw-kafka.ts';
import { uniqueName } from '../../test/services/shared.ts';

export const PARTITIONS = 12;

/** A topic with the settings that a node gives its own; returns its name. */
export async function benchTopic(brokers: string): Promise<string> {
  const topic = uniqueName('bench');
  const configs = {
    'cleanup.policy': 'compact',
    'message.timestamp.type': 'LogAppendTime',
    'compression.type': 'lz4',
  };
  await createTopic(brokers, topic, configs, PARTITIONS);
  return topic;
}

/** Settings of a node on that topic. */
export function nodeOn(brokers: string, topic: string): Readonly<Record<string, string>> {
  return {
    STORAGE: 'distributed',
    BROKER_LIST: brokers,
    KAFKA_TOPIC: topic,
    KAFKA_PARTITIONS: `${PARTITIONS}`,
    ZOOKEEPER_HOSTS: 'none',
    BIND_ADDRESS: '127.0.0.1',
    NODE_ADDRESS: '127.0.0.1',
  };
}
