import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { liveEntries, readTopic } from '../helpers/read-topic.ts';
import { TestNode } from '../helpers/test-node.ts';
import { type KafkaCluster, startKafka } from '../services/kafka.ts';
import { breakableServices, uniqueName } from '../services/shared.ts';

/** A Kafka of three brokers, some of which die. */
describe('three brokers', { skip: breakableServices() }, () => {
  const topic = uniqueName('brokers');
  let kafka: KafkaCluster;
  let node: TestNode;

  before(async () => {
    kafka = await startKafka({ brokers: 3 });
    node = await TestNode.start({
      env: {
        BROKER_LIST: kafka.brokerList,
        ZOOKEEPER_HOSTS: 'none',
        KAFKA_TOPIC: topic,
        KAFKA_PARTITIONS: '3',
        NODE_ADDRESS: '127.0.0.1',
        WRITE_TIMEOUT_MS: '20000',
      },
    });
  });

  after(async () => {
    await node?.dispose();
    await kafka?.stop();
  });

  it('hold the topic as the contract says: replication 3, no unsafe setting', async () => {
    const { warnings } = await node.status();
    assert.deepEqual(
      warnings.filter((line) => !line.includes('authentication')),
      [],
    );
  });

  it('lose no acknowledged write when one is killed -9 under load', async () => {
    const acknowledged = new Map<string, string>();
    const outcomes: string[] = [];
    let killed = false;
    const writer = async (name: number) => {
      for (let i = 0; i < 400; i++) {
        const key = `k-${name}-${i}`;
        const { status, json } = await node.put(key, key);
        if (status === 200) acknowledged.set(key, json.version);
        else outcomes.push(`${status} ${json.outcome}`);
        if (i === 100 && !killed) {
          killed = true;
          await kafka.brokers[0]?.kill();
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, i) => writer(i)));
    for (const outcome of outcomes) assert.match(outcome, /^503 (unknown|not_written)$/);
    const live = liveEntries(await readTopic(kafka.brokerList, topic));
    const lost = [...acknowledged].filter(([key, version]) => live.get(key)?.version !== version);
    assert.deepEqual(lost, []);
    assert.ok(acknowledged.size >= 3_000, `${acknowledged.size} acknowledged`);
  });

  it('refuse writes with an outcome while two of them are down, and reads go on', async () => {
    await kafka.brokers[1]?.kill();
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) => node.put(`down-${i}`, 'x')),
    );
    for (const { status, json, headers } of answers) {
      assert.equal(status, 503);
      assert.equal(json.code, 'log_unavailable');
      assert.match(json.outcome, /^(unknown|not_written)$/);
      assert.ok(headers['retry-after']);
    }
    const read = await node.get('k-0-0');
    assert.equal(read.status, 200);
    assert.equal((await node.call('GET', '/health')).status, 200);
  });

  it('are used again without help once they are back', async () => {
    await Promise.all([kafka.brokers[0]?.start(), kafka.brokers[1]?.start()]);
    await eventually(
      'a write goes through',
      async () => (await node.put('back', '1')).status === 200,
      {
        withinMs: 60_000,
      },
    );
    await eventually(
      'reads are final again',
      async () => (await node.get('back')).headers['bitacora-read'] === 'final',
      { withinMs: 30_000 },
    );
  });
});
