import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import {
  Admin,
  Consumer,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka';
import { ZookeeperSession } from '../../src/cluster/zookeeper-session.ts';
import { createLogger } from '../../src/logger.ts';
import { systemClock } from '../../src/system-clock.ts';
import { eventually } from '../helpers/eventually.ts';
import { type KafkaCluster, startKafka } from '../services/kafka.ts';
import { breakableServices, uniqueName } from '../services/shared.ts';
import { startZookeeper, type ZookeeperServer } from '../services/zookeeper.ts';

const skip = breakableServices() ?? false;

function client(cluster: KafkaCluster) {
  return { clientId: 'services-test', bootstrapBrokers: cluster.brokerList.split(',') };
}

async function createTopic(cluster: KafkaCluster, replicas: number): Promise<string> {
  const topic = uniqueName('services');
  const admin = new Admin(client(cluster));
  await admin.createTopics({ topics: [topic], partitions: 1, replicas });
  await admin.close();
  return topic;
}

async function produce(cluster: KafkaCluster, topic: string, value: string): Promise<void> {
  const producer = new Producer({ ...client(cluster), serializers: stringSerializers });
  await producer.send({ messages: [{ topic, key: 'k', value }], acks: -1 });
  await producer.close();
}

async function consume(cluster: KafkaCluster, topic: string, count: number): Promise<string[]> {
  const consumer = new Consumer({
    ...client(cluster),
    groupId: uniqueName('group'),
    deserializers: stringDeserializers,
  });
  const values: string[] = [];
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false });
  for await (const message of stream) {
    values.push(message.value);
    if (values.length === count) break;
  }
  await consumer.close(true);
  return values;
}

describe('one Kafka broker', { skip }, () => {
  let cluster: KafkaCluster;
  before(async () => {
    cluster = await startKafka({ clusterId: 'AAAAAAAAAAAAAAAAAAAAAQ' });
  });
  after(() => cluster.stop());

  test('takes records and gives them back, before and after a kill -9', async () => {
    const topic = await createTopic(cluster, 1);
    await produce(cluster, topic, 'one');
    assert.deepEqual(await consume(cluster, topic, 1), ['one']);

    const [broker] = cluster.brokers;
    const firstPid = broker!.pid;
    await broker!.kill();
    assert.equal(broker!.running, false);
    assert.throws(() => process.kill(firstPid!, 0), { code: 'ESRCH' });
    await assert.rejects(broker!.knownBrokers());

    await broker!.start();
    assert.notEqual(broker!.pid, firstPid);
    await produce(cluster, topic, 'two');
    assert.deepEqual(await consume(cluster, topic, 2), ['one', 'two']);
  });

  test('has the cluster id that it was given', async () => {
    const admin = new Admin(client(cluster));
    assert.equal((await admin.metadata({ topics: [] })).id, 'AAAAAAAAAAAAAAAAAAAAAQ');
    await admin.close();
  });

  test('a broker that does not start says why', async () => {
    await assert.rejects(
      startKafka({ properties: { 'log.cleaner.dedupe.buffer.size': 1 } }),
      /dedupe/,
    );
  });
});

describe('three Kafka brokers', { skip }, () => {
  test('form one cluster, and one that was killed is missed', async () => {
    await using cluster = await startKafka({ brokers: 3 });
    const [first, second, third] = cluster.brokers;
    assert.deepEqual(await first!.knownBrokers(), [1, 2, 3]);
    const topic = await createTopic(cluster, 3);
    await produce(cluster, topic, 'kept');

    await third!.kill();
    await eventually(
      'the other two know that broker 3 is gone',
      async () => {
        const known = await Promise.all([first!.knownBrokers(), second!.knownBrokers()]);
        return known.every((ids) => ids.join() === '1,2');
      },
      { withinMs: 20_000 },
    );
    assert.deepEqual(await consume(cluster, topic, 1), ['kept']);
  });
});

describe('ZooKeeper', { skip }, () => {
  let server: ZookeeperServer;
  before(async () => {
    server = await startZookeeper({ tickTime: 200 });
  });
  after(() => server.stop());

  /** Any connection that ends its session leaves a trace in the server's data: the transaction id. */
  const lastTransaction = async () => /Zxid: (\S+)/.exec(await server.ask('srvr'))?.[1];

  test('keeps its data over a kill, and not over a wipe', async () => {
    assert.equal(await server.ask('ruok'), 'imok');
    const session = ZookeeperSession.open({
      hosts: `${server.hosts}/kept`,
      sessionMs: 2_000,
      clock: systemClock,
      logger: createLogger('silent', false),
    });
    await eventually('connected', () => session.connected);
    await session.close();
    const before = await eventually('the session is closed', async () =>
      /Connections: 1\n/.test(await server.ask('srvr')) ? lastTransaction() : undefined,
    );
    await server.kill();
    await assert.rejects(server.ask('ruok'));
    await server.start();
    assert.equal(await lastTransaction(), before);
    await server.kill();
    await server.start({ wipe: true });
    assert.equal(await lastTransaction(), '0x0');
  });

  test('can be frozen', async () => {
    server.pause();
    // A signal takes its moment.
    await eventually('no answer', () =>
      server.ask('ruok').then(
        () => false,
        (error: Error) => error.message === 'no answer',
      ),
    );
    server.resume();
    assert.equal(await server.ask('ruok'), 'imok');
  });
});

test('a test process that is killed leaves no service and no data behind', { skip }, async () => {
  const script = `
    const { startZookeeper } = await import('./test/services/zookeeper.ts');
    const server = await startZookeeper();
    console.log(JSON.stringify({ pid: server.pid, folder: server.folder }));
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: new URL('../..', import.meta.url),
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { pid, folder } = JSON.parse(line) as { pid: number; folder: string };
  assert.ok(existsSync(folder));
  process.kill(pid, 0);
  child.kill('SIGKILL');
  await eventually('the server is gone', () => {
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  });
  await eventually('its data is gone', () => !existsSync(folder));
});
