import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ZookeeperSession } from '../../src/cluster/zookeeper-session.ts';
import { createLogger } from '../../src/logger.ts';
import { systemClock } from '../../src/system-clock.ts';
import { eventually } from '../helpers/eventually.ts';
import { TestNode } from '../helpers/test-node.ts';
import { type SharedKafka, sharedKafka, sharedZookeeper, uniqueName } from '../services/shared.ts';

const NOBODY = '127.0.0.1:1';
const SESSION_MS = 4_000;

describe('nodes in ZooKeeper', () => {
  const nodes: TestNode[] = [];
  const releases: (() => Promise<void>)[] = [];
  let kafka: SharedKafka;
  let hosts: string;
  let observer: ZookeeperSession;

  before(async () => {
    kafka = await sharedKafka();
    const zookeeper = await sharedZookeeper();
    releases.push(
      () => kafka.release(),
      () => zookeeper.release(),
    );
    // Folders that are not there yet.
    hosts = `${zookeeper.hosts}/${uniqueName('contract')}/deep`;
    observer = ZookeeperSession.open({
      hosts,
      sessionMs: SESSION_MS,
      clock: systemClock,
      logger: createLogger('silent', false),
    });
    await eventually('the observer is connected', () => observer.connected);
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.dispose()));
    await observer.close();
    for (const release of releases) await release();
  });

  const make = async (env: Readonly<Record<string, string>>) => {
    const node = await TestNode.make({
      env: {
        BROKER_LIST: kafka.brokerList,
        ZOOKEEPER_HOSTS: hosts,
        ZOOKEEPER_SESSION_MS: String(SESSION_MS),
        NODE_ADDRESS: '127.0.0.1',
        ...env,
      },
    });
    nodes.push(node);
    return node;
  };
  const serverOf = ({ http }: TestNode) => `/bitacora/servers/${http}`;
  const socketOf = ({ avro }: TestNode) => `/bitacora/sockets/${avro}`;
  const there = (path: string) => eventually(`${path} is there`, () => observer.exists(path));
  const textOf = async (path: string) => (await observer.getData(path)).data.toString();

  it('say who they are and what log they serve, and are gone the moment they stop', async () => {
    const topic = uniqueName('named');
    const node = await make({ KAFKA_TOPIC: topic, KAFKA_PARTITIONS: '3', NODE_ID: 'seven' });
    const startedAfter = Date.now();
    await node.start();
    await there(socketOf(node));
    const { log, id, version, startedAt } = await node.status();
    const { instance } = JSON.parse(await textOf(serverOf(node))) as { instance: string };
    assert.ok(instance.length >= 16, instance);
    assert.ok(startedAt >= startedAfter - 1_000 && startedAt <= Date.now(), `${startedAt}`);
    assert.equal(id, 'seven');
    const expected = {
      id,
      instance,
      version,
      http: node.http,
      rpc: node.avro,
      startedAt,
      log: {
        clusterId: log.clusterId,
        topicId: log.topicId,
        topic,
        partitions: 3,
        codec: 'raw',
      },
    };
    for (const path of [serverOf(node), socketOf(node)]) {
      await eventually(
        `${path} says it all, in order`,
        async () => (await textOf(path)) === JSON.stringify(expected),
      );
      assert.notEqual((await observer.getData(path)).owner, undefined, 'ephemeral');
    }
    assert.deepEqual((await node.status()).cluster, {
      kind: 'zookeeper',
      connected: true,
      members: [{ id, http: node.http, rpc: node.avro, self: true }],
    });
    assert.equal(await node.stop(), 0);
    for (const path of [serverOf(node), socketOf(node)]) {
      assert.equal(await observer.exists(path), false, path);
    }
  });

  it('are servers before the log is met, and sockets only while /health is OK', async () => {
    const node = await make({ BROKER_LIST: NOBODY });
    await node.listen();
    await there(serverOf(node));
    const { log } = JSON.parse(await textOf(serverOf(node)));
    assert.deepEqual(log, {
      clusterId: null,
      topicId: null,
      topic: 'bitacora',
      partitions: null,
      codec: 'raw',
    });
    assert.equal((await node.call('GET', '/health')).status, 503);
    assert.equal(await observer.exists(socketOf(node)), false);
    assert.equal(await node.stop(), 0);
    assert.equal(await observer.exists(serverOf(node)), false);
  });

  it('come back under their address at once after a crash', async () => {
    const node = await make({ KAFKA_TOPIC: uniqueName('crashed'), KAFKA_PARTITIONS: '1' });
    await node.start();
    await there(socketOf(node));
    const { owner } = await observer.getData(serverOf(node));
    const before = JSON.parse(await textOf(serverOf(node)));
    const [API_PORT = '', AVRO_PORT = ''] = [node.http, node.avro].map((at) => at.split(':')[1]);
    await node.kill();
    await node.start({ API_PORT, AVRO_PORT });
    for (const path of [serverOf(node), socketOf(node)]) {
      await eventually(
        `${path} is of the new session`,
        async () => (await observer.exists(path)) && (await observer.getData(path)).owner !== owner,
      );
    }
    const now = JSON.parse(await textOf(serverOf(node)));
    assert.equal(now.instance, before.instance);
    assert.equal(now.id, before.id);
    assert.ok(now.startedAt > before.startedAt);
    await node.kill();
    await eventually(
      'it is gone with its session',
      async () => !(await observer.exists(serverOf(node))),
      { withinMs: 3 * SESSION_MS },
    );
  });

  it('end with 2 beside a member that reads the same topic in another way', async () => {
    const topic = uniqueName('codecs');
    const raw = await make({ KAFKA_TOPIC: topic, KAFKA_PARTITIONS: '1' });
    await raw.start();
    await there(socketOf(raw));
    const avro = await make({ KAFKA_TOPIC: topic, CODEC: 'avro' });
    await avro.listen();
    assert.equal(await avro.ended(), 2);
    assert.match(avro.tail(), /codec raw.*avro/);
    assert.ok(raw.running);
    assert.equal((await raw.put('key', 'value')).status, 200);
  });

  it('do not lend each other values of another log', async () => {
    const [one, two] = await Promise.all(
      ['first', 'second'].map((name) =>
        make({ KAFKA_TOPIC: uniqueName(name), KAFKA_PARTITIONS: '1' }),
      ),
    );
    assert.ok(one !== undefined && two !== undefined);
    await Promise.all([one.start(), two.start()]);
    await eventually(
      'they see each other',
      async () => (await one.status()).cluster.members.length >= 2,
    );
    await one.put('key', 'of the first log');
    const answer = await two.get('key');
    assert.deepEqual([answer.status, answer.headers['bitacora-read']], [404, 'final']);
    const log = async (node: TestNode) =>
      (await node.call('GET', '/rpc/cluster?key=key')).headers['bitacora-log'];
    const { clusterId, topicId } = (await one.status()).log;
    assert.equal(await log(one), `${clusterId}/${topicId}`);
    assert.notEqual(await log(two), await log(one));
  });
});
