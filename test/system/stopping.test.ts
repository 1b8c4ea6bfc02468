import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { BitacoraClient } from '../../src/client/client.ts';
import { eventually } from '../helpers/eventually.ts';
import { TestNode } from '../helpers/test-node.ts';
import { type KafkaCluster, startKafka } from '../services/kafka.ts';
import { breakableServices, uniqueName } from '../services/shared.ts';

/** Contract §1. */
const STOPPED_WITHIN_MS = 10_000;

/** A stop ends in time whatever the log does meanwhile: native calls must not hold the process. */
describe('a node that is stopped while Kafka is frozen', { skip: breakableServices() }, () => {
  let kafka: KafkaCluster;
  const nodes: TestNode[] = [];

  before(async () => {
    kafka = await startKafka();
  });

  afterEach(async () => {
    await kafka.brokers[0]?.resume();
    await Promise.all(nodes.splice(0).map((node) => node.dispose()));
  });

  after(() => kafka?.stop());

  const make = async () => {
    const node = await TestNode.make({
      env: {
        BROKER_LIST: kafka.brokerList,
        ZOOKEEPER_HOSTS: 'none',
        KAFKA_TOPIC: uniqueName('stopping'),
        NODE_ADDRESS: '127.0.0.1',
      },
    });
    nodes.push(node);
    return node;
  };

  const stopInTime = async (node: TestNode) => {
    const from = performance.now();
    node.signal('SIGTERM');
    const code = await node.ended();
    const tookMs = performance.now() - from;
    assert.equal(code, 0, node.tail());
    assert.ok(tookMs <= STOPPED_WITHIN_MS, `${tookMs} ms: ${node.tail()}`);
  };

  it('answers the writes under way with their outcome, and is gone', async () => {
    const node = await make();
    await node.start();
    await using client = await BitacoraClient.connect(
      { servers: [node.avro] },
      { deadlineMs: 20_000 },
    );
    await client.set('x', '1');
    await kafka.brokers[0]?.pause();
    const write = node.put('x', '2');
    const call = assert.rejects(client.set('x', '3'), { code: 'unknown_outcome' });
    await eventually('contact is lost', async () => !(await node.status()).log.connected);
    await stopInTime(node);
    const { status, json, headers } = await write;
    assert.deepEqual([status, json.code, json.outcome], [503, 'log_unavailable', 'unknown']);
    assert.ok(headers['retry-after']);
    await call;
  });

  it('is gone when it has not met Kafka yet', async () => {
    await kafka.brokers[0]?.pause();
    const node = await make();
    await node.listen();
    await eventually('it connects', async () => (await node.status()).state === 'connecting');
    await stopInTime(node);
  });
});
