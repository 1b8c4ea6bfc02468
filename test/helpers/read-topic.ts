import rdkafka from 'node-rdkafka';

export interface TopicRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly op: string | undefined;
  /** All of them, `name: value`. */
  readonly headers: readonly string[];
}

/**
 * Everything that a topic holds, read by a consumer that shares no code with the product: what the
 * nodes' state must equal.
 */
export async function readTopic(brokers: string, topic: string): Promise<TopicRecord[]> {
  const consumer = new rdkafka.KafkaConsumer(
    {
      'metadata.broker.list': brokers,
      'group.id': `independent-${Date.now()}-${Math.random()}`,
      'enable.auto.commit': false,
      'enable.partition.eof': true,
      'fetch.queue.backoff.ms': 5,
    },
    { 'auto.offset.reset': 'error' },
  );
  const partitions = await new Promise<number>((resolve, reject) => {
    consumer.connect({ topic, allTopics: false, timeout: 30_000 }, (error, metadata) => {
      if (error) return reject(error);
      resolve(metadata.topics.find(({ name }) => name === topic)?.partitions.length ?? 0);
    });
  });
  const open = new Set(Array.from({ length: partitions }, (_, partition) => partition));
  consumer.on('partition.eof', ({ partition }) => open.delete(partition));
  consumer.assign([...open].map((partition) => ({ topic, partition, offset: 0 })));
  const records: TopicRecord[] = [];
  consumer.setDefaultConsumeTimeout(50);
  while (open.size > 0) {
    const messages = await new Promise<rdkafka.Message[]>((resolve, reject) => {
      consumer.consume(1_000, (error, found) => (error ? reject(error) : resolve(found)));
    });
    for (const { partition, offset, timestamp, key, value, headers } of messages) {
      const op = headers?.find((header) => 'bitacora-op' in header)?.['bitacora-op'];
      records.push({
        partition,
        offset,
        timestamp: timestamp ?? -1,
        key: key === null || key === undefined ? null : key.toString(),
        value,
        op: op === undefined ? undefined : String(op),
        headers: (headers ?? []).flatMap((each) =>
          Object.entries(each).map(([name, text]) => `${name}: ${text}`),
        ),
      });
    }
  }
  await new Promise<void>((resolve) => consumer.disconnect(() => resolve()));
  return records;
}

/** The live entries that the records mean: key → value and version. */
export function liveEntries(
  records: readonly TopicRecord[],
): Map<string, { value: string; version: string }> {
  const live = new Map<string, { value: string; version: string }>();
  for (const { key, value, op, partition, offset } of records) {
    if (key === null) continue;
    if (value === null || op === 'delete') live.delete(key);
    else {
      const text = op === 'put-empty' ? '' : value.toString();
      live.set(key, { value: text, version: `${partition}:${offset}` });
    }
  }
  return live;
}
