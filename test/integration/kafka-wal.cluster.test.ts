import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KafkaWal } from '../../src/wal/kafka/kafka-wal.ts';
import { requestFor } from '../helpers/append-requests.ts';
import { eventually } from '../helpers/eventually.ts';
import { openKafkaWal } from '../helpers/kafka-wal.ts';
import { createTopic } from '../helpers/raw-kafka.ts';
import { type KafkaCluster, startKafka } from '../services/kafka.ts';
import { uniqueName } from '../services/shared.ts';

const FAIL_OVER_MS_MAX = 30_000;

describe('a Kafka of three brokers', () => {
  let kafka: KafkaCluster;
  const wals: KafkaWal[] = [];
  before(async () => {
    kafka = await startKafka({ brokers: 3 });
  });
  after(async () => {
    for (const wal of wals) await wal.close(1_000);
    await kafka?.stop();
  });

  it('keeps three copies, and loses one broker without a failed write', {
    timeout: 3 * FAIL_OVER_MS_MAX,
  }, async () => {
    const [first] = kafka.brokers;
    assert.ok(first);
    // One broker is named: the others are learned.
    const brokers = first.advertised;
    const wal = await openKafkaWal({ brokers, topic: uniqueName('copies') });
    const single = uniqueName('single');
    await createTopic(kafka.brokerList, single, { 'cleanup.policy': 'compact' }, 6);
    const alone = await openKafkaWal({ brokers, topic: single });
    wals.push(wal, alone);
    const { identity, warnings } = await wal.connect();
    assert.deepEqual(warnings, []);
    const { identity: aloneIdentity } = await alone.connect();
    await wal.append(requestFor(0));

    await first.kill();
    const writes = await Promise.all(
      Array.from({ length: 300 }, (_, i) => wal.append(requestFor(i % 3))),
    );
    assert.equal(writes.length, 300);
    const ends = await eventually('ends', () => wal.ends(), { withinMs: FAIL_OVER_MS_MAX });
    assert.deepEqual(ends, [101, 100, 100]);
    const seen = await eventually('the identity', () => wal.identity(), {
      withinMs: FAIL_OVER_MS_MAX,
    });
    assert.deepEqual(seen, identity);
    // Partitions whose only copy is gone do not hide whose topic it is.
    await eventually('a lost partition', async () => {
      const answered = await alone.ends().then(
        () => true,
        () => false,
      );
      return !answered;
    });
    assert.deepEqual(await alone.identity(), aloneIdentity);
  });
});
