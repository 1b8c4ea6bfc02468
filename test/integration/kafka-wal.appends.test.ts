import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { partitionOf } from '../../src/codec/partitioner.ts';
import { ServiceError } from '../../src/errors.ts';
import type { KafkaWal, KafkaWalOptions } from '../../src/wal/kafka/kafka-wal.ts';
import { assertSame, requestFor } from '../helpers/append-requests.ts';
import { eventually } from '../helpers/eventually.ts';
import { openKafkaWal } from '../helpers/kafka-wal.ts';
import { LogFollower } from '../helpers/log-follower.ts';
import { createTopic, RawProducer, rawAdmin } from '../helpers/raw-kafka.ts';
import { type SharedKafka, sharedKafka, uniqueName } from '../services/shared.ts';

const MIB = 1024 * 1024;

describe('appending to a Kafka topic', () => {
  let shared: SharedKafka;
  const wals: KafkaWal[] = [];
  const opened = async (topic: string, options: Partial<KafkaWalOptions> = {}) => {
    const wal = await openKafkaWal({ brokers: shared.brokerList, topic, ...options });
    wals.push(wal);
    const description = await wal.connect();
    return { wal, description };
  };
  before(async () => {
    shared = await sharedKafka();
  });
  after(async () => {
    for (const wal of wals) await wal.close(1_000);
    await shared.release();
  });

  it('takes and gives back a record of the largest size allowed', async () => {
    const valueBytesMax = 15 * MIB;
    const { wal, description } = await opened(uniqueName('large'), { valueBytesMax });
    // Random bytes do not compress: this is the worst case of the topic's limit.
    const request = requestFor(1, {
      key: randomBytes(8 * 1024),
      value: randomBytes(valueBytesMax),
    });
    assert.equal(request.key.length + request.value.length, description.recordBytesMax);
    const appended = await wal.append(request);
    const follower = new LogFollower(await wal.read([0, 0, 0]), [0, 0, 0]);
    await follower.untilAll([{ partition: 1, offset: appended.offset }]);
    await follower.reader.close();
    assertSame(follower.at(1, appended.offset), request, appended);
    const [fetched] = await wal.fetch([{ partition: 1, offset: appended.offset }]);
    assert.ok(fetched?.value?.equals(request.value));
  });

  it('refuses what would be sent as null, or spoil its neighbours', async () => {
    const { wal } = await opened(uniqueName('empty'));
    const neighbour = wal.append(requestFor(0));
    for (const parts of [{ key: Buffer.alloc(0) }, { value: Buffer.alloc(0) }]) {
      await assert.rejects(wal.append({ ...requestFor(0), ...parts }), TypeError);
    }
    await neighbour;
    // Partitions of a new topic get their leaders one by one.
    assert.deepEqual(await eventually('ends', () => wal.ends()), [1, 0, 0]);
  });

  it('makes no batch larger than a small topic takes', async () => {
    const topic = uniqueName('small');
    await createTopic(shared.brokerList, topic, {
      'cleanup.policy': 'compact',
      'max.message.bytes': '20000',
      'compression.type': 'producer',
    });
    const { wal, description } = await opened(topic);
    const { recordBytesMax = 0 } = description;
    const many = Array.from({ length: 300 }, () => requestFor(0, { value: randomBytes(2_000) }));
    await Promise.all(many.map((each) => wal.append(each)));
    const fits = requestFor(0, { key: 'k', value: randomBytes(recordBytesMax - 1) });
    await wal.append(fits);
    const over = wal.append(requestFor(0, { key: 'k', value: randomBytes(recordBytesMax) }));
    await assert.rejects(over, (error) => {
      assert.ok(error instanceof ServiceError);
      return error.code === 'too_large' && error.outcome === 'not_written';
    });
  });

  it('says that a partition that is not there was not written', async () => {
    const { wal } = await opened(uniqueName('absent'));
    await assert.rejects(wal.append(requestFor(7)), (error) => {
      assert.ok(error instanceof ServiceError);
      return error.code === 'log_unavailable' && error.outcome === 'not_written';
    });
  });

  it('pushes back when too much is under way', async () => {
    const { wal } = await opened(uniqueName('full'), { valueBytesMax: 10 * MIB });
    const value = Buffer.alloc(10 * MIB, 'a');
    const all = await Promise.allSettled(
      Array.from({ length: 10 }, () => wal.append(requestFor(0, { value }))),
    );
    const refused = all.filter((each) => each.status === 'rejected').map((each) => each.reason);
    assert.equal(refused.length, 4);
    for (const { code, outcome, retryAfterS } of refused) {
      assert.deepEqual(
        { code, outcome, retryAfterS },
        {
          code: 'overloaded',
          outcome: 'not_written',
          retryAfterS: 1,
        },
      );
    }
    await wal.append(requestFor(0));
  });

  it('places keys where producers with murmur2 place them', async () => {
    const topic = uniqueName('murmur2');
    const { wal } = await opened(topic, { partitions: 7 });
    await using producer = await RawProducer.open(shared.brokerList, topic);
    const keys = Array.from({ length: 200 }, (_, i) => randomBytes(1 + (i % 40)));
    const value = Buffer.from('v');
    for (let i = 0; i < keys.length; i += 1) await producer.send([{ key: keys[i]!, value }]);
    const start = Array.from({ length: 7 }, () => 0);
    const follower = new LogFollower(await wal.read(start), start);
    await follower.until('all keys', () => follower.records.length === keys.length);
    await follower.reader.close();
    for (const { key, partition } of follower.records) {
      assert.equal(partition, partitionOf(key!, 7));
    }
  });

  it('takes very many writes at once and acknowledges each partition in order', {
    timeout: 60_000,
  }, async () => {
    const { wal } = await opened(uniqueName('many'), { partitions: 12 });
    const doubts: string[] = [];
    wal.events = { identityDoubt: (why) => doubts.push(why) };
    const latest = Array.from({ length: 12 }, () => -1);
    let left = 100_000;
    let unknown = 0;
    const caller = async (partition: number) => {
      for (; left > 0; left -= 1) {
        try {
          const { offset } = await wal.append(requestFor(partition, { key: 'k', value: 'v' }));
          assert.ok(offset > latest[partition]!);
          latest[partition] = offset;
        } catch (error) {
          // A batch that the client had to send twice: the broker has it and names no place.
          if (!(error instanceof ServiceError) || error.outcome !== 'unknown') throw error;
          unknown += 1;
        }
      }
    };
    await Promise.all(Array.from({ length: 1_024 }, (_, i) => caller(i % 12)));
    assert.deepEqual(doubts, []);
    assert.ok(unknown <= 1_024, `${unknown} of unknown outcome`);
  });

  it('waits at its close for what is under way', async () => {
    const topic = uniqueName('flushed');
    const { wal } = await opened(topic);
    const writes = Array.from({ length: 2_000 }, (_, i) => wal.append(requestFor(i % 3)));
    await wal.close(10_000);
    const settled = await Promise.allSettled(writes);
    assert.deepEqual(
      settled.filter(({ status }) => status === 'rejected'),
      [],
    );
  });

  it('publishes positions as a consumer group', async () => {
    const topic = uniqueName('published');
    const group = uniqueName('group');
    const { wal } = await opened(topic, { groupId: () => group });
    for (let i = 0; i < 3; i += 1) await wal.append(requestFor(0));
    const reader = await wal.read([0, 0, 0]);
    const admin = rawAdmin(shared.brokerList);
    const committed = await eventually('offsets of the group', async () => {
      await reader.next(10);
      wal.publishPositions([3, 0, 0]);
      const [found] = await admin.listConsumerGroupOffsets({ groups: [{ groupId: group }] });
      const offsets = found?.topics[0]?.partitions.map((each) => Number(each.committedOffset));
      return offsets?.includes(3) ? offsets : undefined;
    });
    await admin.close();
    assert.deepEqual([...committed].sort(), [0, 0, 3]);
    await reader.close();
    wal.publishPositions([4, 0, 0]);
  });
});
