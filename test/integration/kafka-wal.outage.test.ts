import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { LogUnavailableError, ServiceError } from '../../src/errors.ts';
import type { KafkaWal, KafkaWalOptions } from '../../src/wal/kafka/kafka-wal.ts';
import { assertSame, requestFor } from '../helpers/append-requests.ts';
import { eventually } from '../helpers/eventually.ts';
import { FaultProxy } from '../helpers/fault-proxy.ts';
import { openKafkaWal } from '../helpers/kafka-wal.ts';
import { LogFollower } from '../helpers/log-follower.ts';
import { type KafkaCluster, startKafka } from '../services/kafka.ts';
import { breakableServices, uniqueName } from '../services/shared.ts';

const OUTAGE_MS_MAX = 60_000;

describe('a Kafka that goes away', { skip: breakableServices() ?? false }, () => {
  let kafka: KafkaCluster;
  let other: KafkaCluster;
  let proxy: FaultProxy;
  const target = { host: '127.0.0.1', port: 0 };
  const address = () => `127.0.0.1:${proxy.port}`;
  const turnTo = (cluster: KafkaCluster) => {
    target.port = cluster.brokers[0]!.port;
    proxy.reset();
  };
  const wals: KafkaWal[] = [];
  const opened = async (topic: string, options: Partial<KafkaWalOptions> = {}) => {
    const wal = await openKafkaWal({ brokers: address(), topic, ...options });
    wals.push(wal);
    return { wal, ...(await wal.connect()) };
  };
  before(async () => {
    proxy = await FaultProxy.open({ target });
    const options = { advertise: address };
    [kafka, other] = await Promise.all([startKafka(options), startKafka(options)]);
    turnTo(kafka);
  });
  after(async () => {
    for (const wal of wals) await wal.close(1_000);
    await Promise.all([proxy?.close(), kafka?.stop(), other?.stop()]);
  });

  it('loses nothing acknowledged when the broker is killed under writes', {
    timeout: 2 * OUTAGE_MS_MAX,
  }, async () => {
    const { wal } = await opened(uniqueName('killed'));
    const contacts: boolean[] = [];
    wal.events = { contact: (connected) => contacts.push(connected) };
    const requests = Array.from({ length: 1_500 }, (_, i) => requestFor(i % 3));
    const reader = new LogFollower(await wal.read([0, 0, 0]), [0, 0, 0]);
    await reader.step();

    const writes = requests.slice(0, 500).map((each) => wal.append(each));
    await writes[100];
    const killed = kafka.brokers[0]!.kill();
    writes.push(...requests.slice(500, 1_000).map((each) => wal.append(each)));
    await killed;
    await assert.rejects(wal.ends());
    assert.equal(wal.connected, false);
    writes.push(...requests.slice(1_000).map((each) => wal.append(each)));
    await kafka.brokers[0]!.start();

    const settled = await Promise.allSettled(writes);
    const lost = settled.filter((each) => each.status === 'rejected');
    assert.deepEqual(lost, [], 'a restart within the time of a write fails none');
    const ends = await eventually('the log answers again', () => wal.ends(), {
      withinMs: OUTAGE_MS_MAX,
    });
    assert.deepEqual(ends, [500, 500, 500], 'idempotent: none twice');
    assert.equal(wal.connected, true);
    assert.deepEqual(contacts, [false, true]);
    const places = settled.map((each, i) => {
      assert.ok(each.status === 'fulfilled');
      return { partition: i % 3, offset: each.value.offset, appended: each.value };
    });
    await reader.untilAll(places);
    await reader.reader.close();
    for (const [i, { partition, offset, appended }] of places.entries()) {
      assertSame(reader.at(partition, offset), requests[i]!, appended);
    }
  });

  it('settles writes with an outcome while it is away, and takes others after', {
    timeout: 2 * OUTAGE_MS_MAX,
  }, async () => {
    const { wal } = await opened(uniqueName('away'), { writeTimeoutMs: 4_000 });
    await wal.append(requestFor(0));
    await kafka.brokers[0]!.kill();
    const began = performance.now();
    const failures = await Promise.all(
      [0, 1, 2].map((partition) => wal.append(requestFor(partition)).catch((error) => error)),
    );
    const tookMs = performance.now() - began;
    assert.ok(tookMs > 1_500 && tookMs < 4_000, `${tookMs} ms`);
    for (const failure of failures) {
      assert.ok(failure instanceof ServiceError);
      assert.equal(failure.code, 'log_unavailable');
      assert.equal(failure.outcome, 'unknown');
    }
    await assert.rejects(wal.identity());
    await kafka.brokers[0]!.start();
    await eventually('a write goes through', () => wal.append(requestFor(0)), {
      withinMs: OUTAGE_MS_MAX,
    });
    await wal.identity();
  });

  it('is not taken for another cluster at its address', { timeout: OUTAGE_MS_MAX }, async () => {
    const topic = uniqueName('moved');
    const { wal, identity } = await opened(topic);
    const doubts: string[] = [];
    wal.events = { identityDoubt: (why) => doubts.push(why) };
    assert.equal(identity.clusterId, kafka.clusterId);
    await wal.append(requestFor(0));
    assert.deepEqual(await eventually('ends', () => wal.ends()), [1, 0, 0]);
    turnTo(other);
    await eventually('the topic is not there', () =>
      wal.identity().then(
        () => false,
        (error: Error) => /does not exist/.test(error.message),
      ),
    );
    const { identity: foreign } = await opened(topic);
    const seen = await wal.identity();
    assert.deepEqual(seen, foreign);
    assert.equal(seen.clusterId, other.clusterId);
    assert.notEqual(seen.clusterId, identity.clusterId);
    await eventually('a doubt', async () => {
      await wal.ends().catch(() => {});
      return doubts.length > 0;
    });
    const failure = await wal.append(requestFor(0)).catch((error) => error);
    assert.ok(failure instanceof ServiceError, 'an old offset again is no acknowledgement');
    turnTo(kafka);
    await eventually('the old identity', async () => {
      const now = await wal.identity();
      return now.topicId === identity.topicId && now.clusterId === identity.clusterId;
    });
    const back = await eventually('a write into the old log', () => wal.append(requestFor(0)), {
      withinMs: 30_000,
    });
    assert.ok(back.offset >= 1);
    const ends = await eventually('its ends', () => wal.ends());
    assert.ok((ends[0] ?? 0) > back.offset);
    const reader = new LogFollower(await wal.read([0, 0, 0]), [0, 0, 0]);
    await reader.untilAll([{ partition: 0, offset: back.offset }]);
    await reader.reader.close();
  });

  it('bounds every question when nothing answers, and the close', {
    timeout: OUTAGE_MS_MAX,
  }, async () => {
    const { wal } = await opened(uniqueName('silent'));
    const reader = await wal.read([0, 0, 0]);
    proxy.blackhole();
    const bounded = async (what: string, withinMs: number, ask: () => Promise<unknown>) => {
      const began = performance.now();
      await assert.rejects(ask(), LogUnavailableError, what);
      assert.ok(performance.now() - began < withinMs, what);
    };
    await Promise.all([
      bounded('ends', 4_000, () => wal.ends()),
      bounded('bounds', 4_000, () => wal.bounds()),
      bounded('identity', 8_000, () => wal.identity()),
      bounded('connect', 12_000, () => wal.connect()),
      bounded('fetch', 8_000, () => wal.fetch([{ partition: 0, offset: 0 }])),
      bounded('read', 8_000, () => wal.read([0, 0, 0])),
    ]);
    assert.equal(wal.connected, false);
    assert.deepEqual((await reader.next(10)).records, []);
    proxy.heal();
    await eventually('the log answers again', () => wal.ends(), { withinMs: 15_000 });
    await wal.identity();
    const appended = await wal.append(requestFor(0));
    const follower = new LogFollower(reader, [0, 0, 0]);
    await follower.untilAll([{ partition: 0, offset: appended.offset }]);

    proxy.blackhole();
    const left = wal.append(requestFor(0)).catch((error) => error);
    const began = performance.now();
    await wal.close(500);
    assert.ok(performance.now() - began < 8_000);
    assert.equal((await left).outcome, 'unknown');
    proxy.heal();
  });
});
