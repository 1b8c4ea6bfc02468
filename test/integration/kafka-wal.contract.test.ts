import type { KafkaWal } from '../../src/wal/kafka/kafka-wal.ts';
import { describeWal } from '../contract/wal.ts';
import { openKafkaWal } from '../helpers/kafka-wal.ts';
import { sharedKafka, uniqueName } from '../services/shared.ts';

const CLOSE_MS = 1_000;

describeWal('a Kafka topic', async () => {
  const kafka = await sharedKafka();
  const topic = uniqueName('contract');
  let wal: KafkaWal;
  const open = async () => {
    wal = await openKafkaWal({ brokers: kafka.brokerList, topic });
    return wal;
  };
  return {
    wal: await open(),
    partitions: 3,
    reopen: async () => {
      await wal.close(CLOSE_MS);
      return open();
    },
    close: async () => {
      await wal.close(CLOSE_MS);
      await kafka.release();
    },
  };
});
