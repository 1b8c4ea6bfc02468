import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { LogUnavailableError } from '../../src/errors.ts';
import { systemClock } from '../../src/system-clock.ts';
import { KafkaAdmin } from '../../src/wal/kafka/kafka-admin.ts';
import type { KafkaWal, KafkaWalOptions } from '../../src/wal/kafka/kafka-wal.ts';
import { requestFor } from '../helpers/append-requests.ts';
import { eventually } from '../helpers/eventually.ts';
import { isExit, openKafkaWal, PLAINTEXT } from '../helpers/kafka-wal.ts';
import { createTopic, deleteTopic, rawAdmin } from '../helpers/raw-kafka.ts';
import { type SharedKafka, sharedKafka, uniqueName } from '../services/shared.ts';

const NOBODY = '127.0.0.1:1';

describe('a Kafka topic as a log', () => {
  let shared: SharedKafka;
  const wals: KafkaWal[] = [];
  const open = async (options: Partial<KafkaWalOptions> & { readonly topic: string }) => {
    const wal = await openKafkaWal({ brokers: shared.brokerList, ...options });
    wals.push(wal);
    return wal;
  };
  before(async () => {
    shared = await sharedKafka();
  });
  after(async () => {
    for (const wal of wals) await wal.close(1_000);
    await shared.release();
  });

  it('is created with the settings that keep it safe', async () => {
    const topic = uniqueName('created');
    const wal = await open({ topic, partitions: 5 });
    const { identity, warnings, ...rest } = await wal.connect();
    assert.equal(identity.partitions, 5);
    assert.match(identity.topicId, /^[\w-]{22}$/);
    assert.deepEqual(rest, {
      recordBytesMax: 1024 * 1024 + 8 * 1024,
      deleteRetentionMs: 7 * 24 * 60 * 60 * 1000,
      appendTime: true,
      uncleanElection: false,
    });
    assert.equal(warnings.length, 2, warnings.join('\n'));
    const admin = await KafkaAdmin.open(
      { brokers: shared.brokerList, clientId: 'test', security: PLAINTEXT },
      systemClock,
    );
    const configs = await admin.configs(topic);
    await admin.close();
    assert.equal(configs?.get('cleanup.policy'), 'compact');
    assert.equal(configs.get('compression.type'), 'lz4');
    assert.equal(configs.get('unclean.leader.election.enable'), 'false');
    assert.equal(configs.get('min.insync.replicas'), '1');
    const raw = rawAdmin(shared.brokerList);
    const name = 'min.compaction.lag.ms';
    const [found] = await raw.describeConfigs({
      resources: [{ resourceType: 2, resourceName: topic, configurationKeys: [name] }],
    });
    await raw.close();
    assert.deepEqual(
      found?.configs.map(({ value }) => value),
      ['1000'],
    );
  });

  it('is one topic when several create it at once', async () => {
    const topic = uniqueName('race');
    const all = await Promise.all([1, 2, 3].map(() => open({ topic })));
    const described = await Promise.all(all.map((wal) => wal.connect()));
    assert.equal(new Set(described.map(({ identity }) => identity.topicId)).size, 1);
    const offsets = await Promise.all(
      all.map(async (wal) => (await wal.append(requestFor(0))).offset),
    );
    assert.deepEqual(offsets.sort(), [0, 1, 2]);
  });

  it('is refused when its records may be deleted by age', async () => {
    const topic = uniqueName('deleting');
    await createTopic(shared.brokerList, topic, { 'cleanup.policy': 'compact,delete' });
    const wal = await open({ topic });
    await assert.rejects(wal.connect(), isExit(2, /cleanup\.policy=compact,delete/));
  });

  it('is used with warnings where its settings are unsafe', async () => {
    const topic = uniqueName('unsafe');
    await createTopic(shared.brokerList, topic, {
      'cleanup.policy': 'compact',
      'message.timestamp.type': 'CreateTime',
      'unclean.leader.election.enable': 'true',
      'delete.retention.ms': '60000',
      'max.message.bytes': '100000',
    });
    const wal = await open({ topic });
    const { warnings, recordBytesMax, ...found } = await wal.connect();
    const all = warnings.join('\n');
    for (const word of ['replication', 'CreateTime', 'min.insync', 'unclean', 'delete.retention']) {
      assert.ok(all.includes(word), `${word} in\n${all}`);
    }
    assert.match(all, /max\.message\.bytes 100000/);
    assert.ok(recordBytesMax !== undefined && recordBytesMax > 90_000 && recordBytesMax < 100_000);
    assert.deepEqual(
      { ...found, identity: undefined },
      {
        identity: undefined,
        appendTime: false,
        deleteRetentionMs: 60_000,
        uncleanElection: true,
      },
    );
  });

  it('waits for brokers rather than to have fewer copies', async () => {
    const topic = uniqueName('copies');
    for (const options of [{ replication: 3 }, { brokers: `${shared.brokerList},${NOBODY}` }]) {
      const wal = await open({ topic, ...options });
      await assert.rejects(wal.connect(), (error) => {
        assert.ok(error instanceof LogUnavailableError);
        assert.match(error.message, /needs 3 brokers/);
        return true;
      });
      await assert.rejects(wal.identity(), /does not exist/);
      assert.equal(wal.connected, true);
    }
  });

  it('tells of doubt when it is deleted and made again, and has another identity', {
    timeout: 60_000,
  }, async () => {
    const topic = uniqueName('again');
    const wal = await open({ topic });
    const doubts: string[] = [];
    wal.events = { identityDoubt: (why) => doubts.push(why) };
    const { identity } = await wal.connect();
    for (let i = 0; i < 3; i += 1) await wal.append(requestFor(0));
    const reader = await wal.read([3, 0, 0]);
    await reader.next(10);
    assert.equal(doubts.length, 0);
    await deleteTopic(shared.brokerList, topic);
    await eventually('the topic is gone', () =>
      wal.identity().then(
        () => false,
        (error: Error) => /does not exist/.test(error.message),
      ),
    );
    await createTopic(shared.brokerList, topic, { 'cleanup.policy': 'compact' });
    const other = await eventually('another identity', () => wal.identity());
    assert.notEqual(other.topicId, identity.topicId);
    assert.equal(other.clusterId, identity.clusterId);
    await eventually(
      'a doubt from reading',
      async () => {
        await reader.next(10).catch(() => {});
        return doubts.some((why) => why.includes(other.topicId));
      },
      { withinMs: 40_000 },
    );
    await reader.close();
    const { identity: now } = await wal.connect();
    assert.deepEqual(now, other);
    assert.equal((await wal.append(requestFor(1))).offset, 0);
    assert.deepEqual(await eventually('ends', () => wal.ends()), [0, 1, 0]);
  });

  it('does not acknowledge a write whose offset fell back', { timeout: 60_000 }, async () => {
    const topic = uniqueName('fallen');
    const wal = await open({ topic });
    const doubts: string[] = [];
    wal.events = { identityDoubt: (why) => doubts.push(why) };
    await wal.connect();
    for (let i = 0; i < 3; i += 1) await wal.append(requestFor(0));
    await deleteTopic(shared.brokerList, topic);
    await createTopic(shared.brokerList, topic, { 'cleanup.policy': 'compact' });
    const outcome = await eventually(
      'an append reaches the new topic',
      async () => {
        const failure = await wal.append(requestFor(0)).catch((error) => error);
        return /acknowledged offset 0 after 2/.test(failure.message) ? failure.outcome : undefined;
      },
      { withinMs: 40_000 },
    );
    assert.equal(outcome, 'unknown');
    assert.ok(doubts.some((why) => why.includes('offset 0 after 2')));
  });

  it('says when nobody answers, and closes in any state', async () => {
    const topic = uniqueName('nobody');
    const wal = await open({ topic, brokers: NOBODY });
    await assert.rejects(wal.connect(), (error) => {
      assert.ok(error instanceof LogUnavailableError);
      assert.match(error.message, /ECONNREFUSED/);
      return true;
    });
    assert.equal(wal.connected, false);
    await assert.rejects(wal.ends(), LogUnavailableError);
    await wal.close(100);
    await wal.close(100);
    await (await open({ topic })).close(100);

    const closedEarly = await Promise.all(
      [0, 5, 20, 60].map(async (delayMs) => {
        const each = await open({ topic });
        const connecting = each.connect().then(
          () => 'connected',
          (error) => error,
        );
        await new Promise((resolve) => setTimeout(resolve, delayMs));
        await each.close(100);
        return connecting;
      }),
    );
    for (const end of closedEarly)
      assert.ok(end === 'connected' || end instanceof LogUnavailableError);
  });
});
