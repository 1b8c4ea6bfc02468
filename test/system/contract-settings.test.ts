import assert from 'node:assert/strict';
import { hostname, networkInterfaces } from 'node:os';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { RawHttp } from '../helpers/raw-http.ts';
import { rawAdmin } from '../helpers/raw-kafka.ts';
import { TestNode } from '../helpers/test-node.ts';
import { freePorts } from '../services/process.ts';
import { type SharedKafka, sharedKafka, uniqueName } from '../services/shared.ts';

const external = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

describe('settings', () => {
  let kafka: SharedKafka;
  const nodes: TestNode[] = [];
  before(async () => {
    kafka = await sharedKafka();
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.dispose()));
    await kafka.release();
  });
  const made = async (options: Parameters<typeof TestNode.make>[0]) => {
    const node = await TestNode.make(options);
    nodes.push(node);
    return node;
  };
  const started = async (options: Parameters<typeof TestNode.make>[0]) => {
    const node = await made(options);
    await node.start();
    return node;
  };
  const portOf = (address: string) => Number(address.split(':').at(-1));

  it('of a standalone node keep it to this host, Avro on the next port', async () => {
    const [port = 0] = await freePorts(1);
    const node = await started({ env: { API_PORT: String(port), AVRO_PORT: '' } });
    assert.deepEqual([node.http, node.avro], [`127.0.0.1:${port}`, `127.0.0.1:${port + 1}`]);
    const { id, storage, codec, log, cluster, warnings } = await node.status();
    assert.deepEqual(
      [id, storage, codec, log.kind, log.topic, log.partitions.length, cluster.kind, warnings],
      [node.http, 'standalone', 'raw', 'embedded', 'bitacora', 12, 'none', []],
    );
    if (external !== undefined) {
      await assert.rejects(RawHttp.connect(port, external), /ECONNREFUSED/);
    }
    await node.stop();
    // Another address alone is not another node.
    await node.start({ API_PORT: '0', NODE_ADDRESS: 'localhost' });
    assert.equal((await node.status()).id, id);
    assert.ok(node.http.startsWith('localhost:'));
    await node.stop();
    await node.start({ NODE_ID: id });
    await node.stop();
    await assert.rejects(node.listen({ STORAGE: 'distributed', BROKER_LIST: kafka.brokerList }), {
      message: /exit 2.*standalone/s,
    });
  });

  it('of a distributed node open it to others, and it says so', async () => {
    const topic = uniqueName('settings');
    const env = { BROKER_LIST: kafka.brokerList, KAFKA_TOPIC: topic };
    const node = await started({ env: { ...env, ZOOKEEPER_HOSTS: 'none', CODEC: 'avro' } });
    const { id, storage, log, cluster, warnings } = await node.status();
    assert.deepEqual(
      [storage, log.kind, log.topic, log.partitions.length, cluster.kind],
      ['distributed', 'kafka', topic, 1, 'none'],
    );
    assert.equal(id, node.http);
    const address = node.http.slice(0, node.http.lastIndexOf(':'));
    assert.ok([hostname(), external ?? '127.0.0.1'].includes(address), address);
    assert.ok(warnings.some((line) => line.includes('authentication')));
    for (const host of ['127.0.0.1', external]) {
      if (host === undefined) continue;
      (await RawHttp.connect(portOf(node.http), host)).close();
      (await RawHttp.connect(portOf(node.avro), host)).close();
    }
    assert.equal((await node.put('key', 'value')).status, 200);
    await eventually('its position is published under its name', () =>
      groupExists(kafka.brokerList, `bitacora.${topic}.${id}`),
    );
    const peers = await made({
      env: { ...env, ZOOKEEPER_HOSTS: 'none', CODEC: 'avro', PEERS: ` ${node.http}, ` },
    });
    await peers.listen();
    const list = (await peers.status()).cluster;
    assert.equal(list.kind, 'static');
    assert.deepEqual(
      list.members.map(({ http, self }) => [http, self]).sort(),
      [
        [node.http, false],
        [peers.http, true],
      ].sort(),
    );
  });

  it('are read from variables and flags; the flag wins', async () => {
    const node = await started({
      env: { STORAGE: 'standalone', KEY_BYTES_MAX: '8', VALUE_BYTES_MAX: '1KiB', LOG_LEVEL: '' },
      args: ['--key-bytes-max', '16', '--storage=memory', '--node-id', 'flagged'],
    });
    assert.equal((await node.put('k'.repeat(16), Buffer.alloc(1_024, 'v'))).status, 200);
    assert.equal((await node.put('k'.repeat(17), 'v')).status, 413);
    assert.equal((await node.put('k', Buffer.alloc(1_025, 'v'))).status, 413);
    const { id, storage, cluster } = await node.status();
    assert.deepEqual([id, storage, cluster.members[0]?.id], ['flagged', 'memory', 'flagged']);
    await node.kill();
    await node.start();
    assert.equal((await node.get('k'.repeat(16))).status, 404);
  });
});

async function groupExists(brokers: string, group: string): Promise<boolean> {
  const admin = rawAdmin(brokers);
  try {
    return (await admin.listGroups()).has(group);
  } finally {
    await admin.close();
  }
}
