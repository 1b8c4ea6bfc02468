import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { RawProducer } from '../helpers/raw-kafka.ts';
import { TestNode } from '../helpers/test-node.ts';
import { type SharedKafka, sharedKafka, uniqueName } from '../services/shared.ts';

describe('an open transaction of another producer', () => {
  let kafka: SharedKafka;
  const nodes: TestNode[] = [];
  before(async () => {
    kafka = await sharedKafka();
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.dispose()));
    await kafka.release();
  });

  const start = async (topic: string) => {
    const env = {
      BROKER_LIST: kafka.brokerList,
      ZOOKEEPER_HOSTS: 'none',
      KAFKA_TOPIC: topic,
      KAFKA_PARTITIONS: '1',
      NODE_ADDRESS: '127.0.0.1',
    };
    const node = await TestNode.start({ env });
    nodes.push(node);
    return node;
  };

  it('lets no node call final what an acknowledged write has replaced, nor deny its version', {
    timeout: 90_000,
  }, async () => {
    const topic = uniqueName('open');
    const one = await start(topic);
    const two = await start(topic);
    await using producer = await RawProducer.open(kafka.brokerList, topic, {
      'transactional.id': topic,
    });
    await producer.readyForTransactions();
    const { json: old } = await one.put('key', 'old');
    assert.equal((await two.get('key', old.version)).json.value, 'old');
    await producer.beginTransaction();
    await producer.send([{ key: Buffer.from('other'), value: Buffer.from('in doubt') }]);
    const put = await one.put('key', 'new');
    assert.equal(put.status, 200);
    // A node that starts now recovers as far as it can, and is of use.
    const three = await start(topic);
    for (const node of [one, two, three]) {
      const named = await node.get('key', put.json.version);
      assert.deepEqual([named.status, named.json.code], [503, 'not_yet']);
      const read = await node.get('key');
      assert.deepEqual([read.json.value, read.headers['bitacora-read']], ['old', 'behind']);
    }
    const beyond = await two.get('key', '0:1000000');
    assert.deepEqual([beyond.status, beyond.json.code], [400, 'bad_version']);
    const why = await eventually(
      'the warning',
      async () => {
        // Longer than a node may stand still before it is taken for dead: no balancer drops it.
        for (const node of nodes) assert.equal((await node.call('GET', '/health')).text, 'OK');
        const { warnings, log } = await two.status();
        assert.equal(log.partitions[0]?.caughtUp, false);
        return warnings.find((line) => line.includes('transaction'));
      },
      { withinMs: 30_000 },
    );
    assert.match(why, /an open transaction holds records back in partition 0 at 1$/);
    for (const node of nodes) assert.equal((await node.call('GET', '/health')).text, 'OK');
    await producer.endTransaction('abort');
    for (const node of nodes) {
      const { json, headers } = await node.get('key', put.json.version);
      assert.deepEqual([json.value, headers['bitacora-read']], ['new', 'final']);
    }
    assert.ok(![...one.log, ...two.log].some((line) => line.includes('writes lost')));
  });
});
