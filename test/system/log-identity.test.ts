import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import rdkafka from 'node-rdkafka';
import { eventually } from '../helpers/eventually.ts';
import { TestNode } from '../helpers/test-node.ts';
import { type KafkaCluster, startKafka } from '../services/kafka.ts';
import { breakableServices, uniqueName } from '../services/shared.ts';

type Admin = ReturnType<typeof rdkafka.AdminClient.create>;

const done = (act: (callback: (error: unknown) => void) => void) =>
  new Promise<void>((resolve, reject) => act((error) => (error ? reject(error) : resolve())));

/** A node meets a log that is not the one that its state comes from, or none at all. */
describe('a node and its log', { skip: breakableServices() }, () => {
  let kafka: KafkaCluster;
  let admin: Admin;
  const nodes: TestNode[] = [];

  before(async () => {
    kafka = await startKafka();
    admin = rdkafka.AdminClient.create({ 'metadata.broker.list': kafka.brokerList });
  });

  after(async () => {
    await Promise.all(nodes.map((node) => node.dispose()));
    admin?.disconnect();
    await kafka?.stop();
  });

  const make = async (topic: string, args: string[] = [], dataDir?: string) => {
    const node = await TestNode.make({
      env: {
        BROKER_LIST: kafka.brokerList,
        ZOOKEEPER_HOSTS: 'none',
        KAFKA_TOPIC: topic,
        KAFKA_PARTITIONS: '2',
        NODE_ADDRESS: '127.0.0.1',
        WRITE_TIMEOUT_MS: '5000',
      },
      args,
      ...(dataDir !== undefined && { dataDir }),
    });
    nodes.push(node);
    return node;
  };
  const recreate = async (topic: string, config: Record<string, string> = {}) => {
    await done((callback) => admin.deleteTopic(topic, 30_000, callback));
    await eventually('the topic can be made again', () =>
      done((callback) =>
        admin.createTopic(
          {
            topic,
            num_partitions: 2,
            replication_factor: 1,
            config: { 'cleanup.policy': 'compact', ...config },
          },
          30_000,
          callback,
        ),
      ).then(() => true),
    );
  };

  it('ends with 2 when the topic was re-created, and goes on with --accept-new-log', async () => {
    const topic = uniqueName('recreated');
    const node = await make(topic);
    await node.start();
    for (let i = 0; i < 20; i++) await node.put(`k${i}`, 'old');
    await node.stop();
    await recreate(topic);

    await node.listen();
    assert.equal(await node.ended(), 2);
    assert.match(node.tail(), /topicId is/);
    assert.match(node.tail(), /--accept-new-log/);

    const accepting = await make(topic, ['--accept-new-log'], node.dataDir);
    await accepting.start();
    assert.equal((await accepting.get('k1')).status, 404);
    assert.equal((await accepting.put('k1', 'new')).status, 200);
    const folders = await readdir(node.dataDir);
    assert.ok(
      folders.some((name) => name.includes('set-aside')),
      folders.join(' '),
    );
  });

  it('halts when the topic is re-created under it: reads behind, writes refused, DOWN', async () => {
    const topic = uniqueName('halted');
    const node = await make(topic);
    await node.start();
    for (let i = 0; i < 20; i++) await node.put(`k${i}`, 'old');
    await recreate(topic);
    await eventually('the node halts', async () => (await node.status()).state === 'halted', {
      withinMs: 30_000,
    });
    const read = await node.get('k1');
    assert.equal(read.headers['bitacora-read'], 'behind');
    assert.equal(read.json.value, 'old');
    const write = await node.put('k1', 'new');
    assert.deepEqual([write.status, write.json.outcome], [503, 'not_written']);
    assert.equal((await node.call('GET', '/health')).status, 503);
    await node.stop();
    await node.listen();
    assert.equal(await node.ended(), 2);
  });

  it('refuses a topic whose records may be deleted by age', async () => {
    const topic = uniqueName('deleting');
    await done((callback) =>
      admin.createTopic(
        {
          topic,
          num_partitions: 1,
          replication_factor: 1,
          config: { 'cleanup.policy': 'delete' },
        },
        30_000,
        callback,
      ),
    );
    const node = await make(topic);
    await node.listen();
    assert.equal(await node.ended(), 2);
    assert.match(node.tail(), /cleanup\.policy/);
  });

  it('waits for a Kafka that is away at the start, answering what it has as behind', async () => {
    const topic = uniqueName('away');
    const node = await make(topic);
    await node.start();
    const { json } = await node.put('key', 'value');
    assert.equal((await node.get('key', json.version)).status, 200);
    await node.stop();
    await kafka.brokers[0]?.kill();
    await node.listen();
    assert.equal((await node.status()).state, 'connecting');
    assert.equal((await node.call('GET', '/health')).status, 503);
    const read = await node.get('key');
    assert.deepEqual([read.json.value, read.headers['bitacora-read']], ['value', 'behind']);
    const write = await node.put('key', 'other');
    assert.deepEqual([write.status, write.json.outcome], [503, 'not_written']);
    await kafka.brokers[0]?.start();
    await node.untilHealthy();
    assert.equal((await node.put('key', 'other')).status, 200);
  });

  it('keeps reading through an outage, and is back without help', async () => {
    const topic = uniqueName('outage');
    const node = await make(topic);
    await node.start();
    await node.put('key', 'value');
    await kafka.brokers[0]?.kill();
    await eventually(
      'reads say that they may be stale',
      async () => (await node.get('key')).headers['bitacora-read'] === 'behind',
    );
    const write = await node.put('key', 'lost?');
    assert.equal(write.status, 503);
    assert.equal((await node.call('GET', '/health')).status, 200);
    await kafka.brokers[0]?.start();
    await eventually(
      'reads are final again',
      async () => (await node.get('key')).headers['bitacora-read'] === 'final',
      { withinMs: 30_000 },
    );
    assert.equal((await node.put('key', 'after')).status, 200);
    assert.equal(await node.stop(), 0);
  });
});
