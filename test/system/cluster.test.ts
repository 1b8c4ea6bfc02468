import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BitacoraClient } from '../../src/client/client.ts';
import { eventually } from '../helpers/eventually.ts';
import { kcatProduce } from '../helpers/kcat.ts';
import { liveEntries, readTopic } from '../helpers/read-topic.ts';
import { TestNode } from '../helpers/test-node.ts';
import { type SharedKafka, sharedKafka, sharedZookeeper, uniqueName } from '../services/shared.ts';

const WRITES = 20_000;
const CLIENTS = 8;
const KEYS = 1_500;

/** Three nodes on a real Kafka and a real ZooKeeper. */
describe('three nodes', () => {
  const topic = uniqueName('cluster');
  const releases: (() => Promise<void>)[] = [];
  let kafka: SharedKafka;
  let zookeeper: string;
  let nodes: TestNode[];

  before(async () => {
    kafka = await sharedKafka();
    const shared = await sharedZookeeper();
    releases.push(
      () => kafka.release(),
      () => shared.release(),
    );
    zookeeper = `${shared.hosts}/${uniqueName('cluster')}`;
    nodes = await Promise.all([start(), start(), start()]);
  });

  after(async () => {
    await Promise.all(nodes.map((node) => node.dispose()));
    for (const release of releases) await release();
  });

  const start = () =>
    TestNode.start({
      env: {
        BROKER_LIST: kafka.brokerList,
        ZOOKEEPER_HOSTS: zookeeper,
        KAFKA_TOPIC: topic,
        NODE_ADDRESS: '127.0.0.1',
      },
    });

  /** All nodes answer every key as the topic, read independently, says. */
  const converged = async () => {
    const live = liveEntries(await readTopic(kafka.brokerList, topic));
    for (const node of nodes) {
      await eventually(
        'the node has applied everything',
        async () => {
          const { log, entries } = await node.status();
          return log.partitions.every(({ caughtUp }) => caughtUp) && entries === live.size;
        },
        { withinMs: 30_000 },
      );
      for (const [key, { value, version }] of live) {
        const { json, headers } = await node.get(key);
        assert.equal(json.value, value, key);
        assert.equal(headers['bitacora-version'], version, key);
        assert.equal(headers['bitacora-read'], 'final');
      }
    }
    return live;
  };

  it('see each other in ZooKeeper', async () => {
    for (const node of nodes) {
      await eventually(
        'three members',
        async () => (await node.status()).cluster.members.length === 3,
      );
    }
  });

  it('give a value that was set on one of them, and its delete, when asked for its version', async () => {
    const [one, two, three] = nodes as [TestNode, TestNode, TestNode];
    const put = await one.put('moved', 'here');
    assert.equal(put.status, 200);
    assert.equal((await two.get('moved', put.json.version)).json.value, 'here');
    const gone = await two.delete('moved');
    const answer = await three.get('moved', gone.json.version);
    assert.equal(answer.status, 404);
    assert.equal(answer.headers['bitacora-deleted'], 'true');
  });

  it('end in the same state, that of the topic, after 20,000 writes of all kinds', async () => {
    const rpc = await BitacoraClient.connect({ zookeeper });
    const foreign: [string, string][] = [];
    const client = async (name: number) => {
      for (let i = name; i < WRITES; i += CLIENTS) {
        const key = `key-${(i * 7_919) % KEYS}`;
        const node = nodes[i % nodes.length] as TestNode;
        if (i % 50 === 0) foreign.push([key, `kcat-${i}`]);
        else if (i % 10 === 3) await node.delete(key);
        else if (i % 3 === 0) await rpc.set(key, i % 21 === 0 ? '' : `rpc-${i}`);
        else assert.equal((await node.put(key, `http-${i}`)).status, 200);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(i)));
    await kcatProduce(kafka.brokerList, topic, foreign);
    await rpc.close();
    const live = await converged();
    assert.ok(live.size > KEYS / 2, `${live.size} live keys`);
  });

  it('put records aside that a producer placed in another way, and say how to mend it', async () => {
    const before = await Promise.all(nodes.map((node) => node.status()));
    const lines = Array.from({ length: 100 }, (_, i): [string, string] => [`stray-${i}`, `${i}`]);
    await kcatProduce(kafka.brokerList, topic, lines, []);
    for (const [i, node] of nodes.entries()) {
      const status = await eventually('the strays are counted', async () => {
        const now = await node.status();
        const strays = now.quarantined - (before[i]?.quarantined ?? 0);
        const homely = now.entries - (before[i]?.entries ?? 0);
        return strays + homely === 100 && now;
      });
      assert.ok(status.quarantined > 0);
      assert.ok(status.warnings.some((line) => line.includes('murmur2_random')));
    }
  });

  it('lose nothing when one is killed, and when one loses its disk', async () => {
    const [one, two, three] = nodes as [TestNode, TestNode, TestNode];
    await one.kill();
    for (let i = 0; i < 200; i++) assert.equal((await two.put(`after-${i}`, `${i}`)).status, 200);
    await one.start();
    await three.stop();
    await three.wipe();
    await three.start();
    const live = liveEntries(await readTopic(kafka.brokerList, topic));
    for (const node of [one, two, three]) {
      for (let i = 0; i < 200; i++) {
        const { json } = await node.get(`after-${i}`, live.get(`after-${i}`)?.version);
        assert.equal(json.value, `${i}`);
      }
    }
  });

  it('leave the list at once when stopped', async () => {
    const [one, , three] = nodes as [TestNode, TestNode, TestNode];
    const listed = async () =>
      (await one.status()).cluster.members.some(({ http }) => http === three.http);
    await eventually('it is in the list', listed, { withinMs: 10_000 });
    assert.equal(await three.stop(), 0);
    await eventually('it is gone', async () => !(await listed()), { withinMs: 2_000 });
    await three.start();
  });
});
