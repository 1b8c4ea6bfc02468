import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import kafka from 'node-rdkafka';
import { LogUnavailableError } from '../../src/errors.ts';
import type { KafkaWal } from '../../src/wal/kafka/kafka-wal.ts';
import { requestFor } from '../helpers/append-requests.ts';
import { eventually } from '../helpers/eventually.ts';
import { openKafkaWal } from '../helpers/kafka-wal.ts';
import { LogFollower } from '../helpers/log-follower.ts';
import { createTopic, RawProducer } from '../helpers/raw-kafka.ts';
import { type SharedKafka, sharedKafka, uniqueName } from '../services/shared.ts';

const EMPTY = Buffer.from('x').subarray(1);

describe('reading a Kafka topic that others write to', () => {
  let shared: SharedKafka;
  const wals: KafkaWal[] = [];
  const opened = async (topic: string) => {
    const wal = await openKafkaWal({ brokers: shared.brokerList, topic });
    wals.push(wal);
    await wal.connect();
    return wal;
  };
  before(async () => {
    shared = await sharedKafka();
  });
  after(async () => {
    for (const wal of wals) await wal.close(1_000);
    await shared.release();
  });

  it('gives null, empty and zero bytes as what they are', async () => {
    const topic = uniqueName('bytes');
    const wal = await opened(topic);
    await using producer = await RawProducer.open(shared.brokerList, topic);
    const values = [null, EMPTY, Buffer.from([0]), Buffer.from([0, 0, 255])];
    await producer.send(values.map((value) => ({ partition: 0, value })));
    await producer.send([{ partition: 0, key: EMPTY, value: Buffer.from('empty key') }]);
    const follower = new LogFollower(await wal.read([0, 0, 0]), [0, 0, 0]);
    await follower.until('five records', () => follower.records.length === 5);
    await follower.reader.close();
    assert.deepEqual(
      follower.records.slice(0, 4).map(({ value }) => value),
      values.map((value) => value && Buffer.from(value)),
    );
    assert.deepEqual(follower.records[4]?.key, Buffer.alloc(0));
    assert.equal(follower.records[0]?.headers, follower.records[1]?.headers);
  });

  it('reaches the end past the marks that transactions leave', async () => {
    const topic = uniqueName('transactions');
    const wal = await opened(topic);
    await using producer = await RawProducer.open(shared.brokerList, topic, {
      'transactional.id': topic,
    });
    await producer.readyForTransactions();
    const records = [1, 2, 3].map((n) => ({ partition: 0, value: Buffer.from(`${n}`) }));
    await producer.inTransaction(records, 'commit');
    const follower = new LogFollower(await wal.read([0, 0, 0]), [0, 0, 0]);
    await follower.until('the end of one', () => follower.reached[0] === 4);
    assert.deepEqual(await eventually('ends', () => wal.ends()), [4, 0, 0]);
    await producer.inTransaction(records, 'abort');
    await follower.until('the end past an aborted one', () => follower.reached[0] === 8);
    assert.deepEqual(await wal.ends(), [8, 0, 0]);
    assert.equal(follower.records.length, 3);
    assert.deepEqual(await wal.fetch([{ partition: 0, offset: 3 }]), [undefined]);
    const { offset } = await wal.append(requestFor(0));
    assert.equal(offset, 8);
    await follower.untilAll([{ partition: 0, offset }]);
    await follower.reader.close();
  });

  it('gets to the first record of an open transaction, and the ends say that there is more', async () => {
    const topic = uniqueName('open');
    const wal = await opened(topic);
    const before = await wal.append(requestFor(0));
    await using producer = await RawProducer.open(shared.brokerList, topic, {
      'transactional.id': topic,
    });
    await producer.readyForTransactions();
    await producer.beginTransaction();
    await producer.send([{ partition: 0, value: Buffer.from('in doubt') }]);
    const behind = await wal.append(requestFor(0));
    const [end, readable] = [behind.offset + 1, before.offset + 1];
    const follower = new LogFollower(await wal.read([0, 0, 0]), [0, 0, 0]);
    await follower.until('the readable end', () => follower.reached[0] === readable);
    assert.deepEqual(await wal.ends(), [end, 0, 0]);
    assert.deepEqual(await wal.readableEnds(), [readable, 0, 0]);
    assert.deepEqual((await wal.bounds())[0], { start: 0, end, readable });
    const places = [before, behind].map(({ offset }) => ({ partition: 0, offset }));
    const fetched = await wal.fetch(places);
    assert.deepEqual(
      fetched.map((record) => record?.offset),
      [before.offset, undefined],
    );
    await producer.endTransaction('commit');
    await follower.untilAll(places);
    assert.equal(follower.records.length, 3);
    assert.deepEqual(await wal.readableEnds(), await wal.ends());
    await follower.reader.close();
  });

  it('rejects next when a position lies beyond the end', async () => {
    const wal = await opened(uniqueName('beyond'));
    await wal.append(requestFor(0));
    const reader = await wal.read([100, 0, 0]);
    const reading = async () => {
      for (let i = 0; i < 100; i += 1) await reader.next(100);
    };
    await assert.rejects(reading(), (error) => {
      assert.ok(error instanceof LogUnavailableError);
      assert.match(error.message, /-140/);
      return true;
    });
    await assert.rejects(reader.next(100), LogUnavailableError);
    await reader.close();
  });

  it('rejects next when the error of one partition came amid records of another', {
    timeout: 60_000,
  }, async () => {
    const wal = await opened(uniqueName('amid'));
    const many = Array.from({ length: 3_000 }, () => requestFor(1));
    await Promise.all(many.map((each) => wal.append(each)));
    const reader = await wal.read([100, 0, 0]);
    let records = 0;
    const reading = async () => {
      for (;;) records += (await reader.next(100)).records.length;
    };
    await assert.rejects(reading(), LogUnavailableError);
    assert.ok(records <= 3_000);
    await reader.close();
  });

  it('reads batches in every compression', async () => {
    assert.ok(kafka.features.includes('zstd'), 'node-rdkafka was built without zstd');
    const topic = uniqueName('codecs');
    const wal = await opened(topic);
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
      await using producer = await RawProducer.open(shared.brokerList, topic, {
        'compression.codec': codec,
      });
      const value = Buffer.from(`${codec} `.repeat(100));
      await producer.send([{ partition: 0, value }]);
    }
    // The topic's own lz4 would hide what producers send.
    const plain = uniqueName('zstd');
    await createTopic(shared.brokerList, plain, {
      'cleanup.policy': 'compact',
      'compression.type': 'zstd',
    });
    const zstd = await opened(plain);
    await zstd.append(requestFor(0, { value: 'z'.repeat(500) }));
    for (const [log, count] of [[wal, 5] as const, [zstd, 1] as const]) {
      const follower = new LogFollower(await log.read([0, 0, 0]), [0, 0, 0]);
      await follower.until('all records', () => follower.records.length === count);
      await follower.reader.close();
    }
  });
});
