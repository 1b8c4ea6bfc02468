import assert from 'node:assert/strict';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { rawAdmin } from '../helpers/raw-kafka.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';
import { TestNode } from '../helpers/test-node.ts';
import { jarFolder, KAFKA_JARS } from '../services/jars.ts';
import { KafkaBroker } from '../services/kafka-broker.ts';
import { freePorts } from '../services/process.ts';
import { breakableServices, uniqueName } from '../services/shared.ts';

const FOUND_WITHIN_MS = 30_000;
const [OURS, OTHER] = ['B7Tz0hVkSAOmVQfS0w8gYw', 'BOtherClusterOfAnother'];

/** Contract §8.5 on real brokers: another cluster at the address, another count, records that are gone. */
describe('a log that is not what it was', { skip: breakableServices() }, () => {
  const nodes: TestNode[] = [];
  let folder: Awaited<ReturnType<typeof temporaryDirectory>>;
  let broker: KafkaBroker;
  let other: KafkaBroker;
  let brokerList: string;
  before(async () => {
    folder = await temporaryDirectory('log-loss');
    const jars = await jarFolder(KAFKA_JARS);
    const [port = 0, ...ports] = await freePorts(5);
    const advertised = `127.0.0.1:${port}`;
    brokerList = advertised;
    const make = (id: number, [innerPort = 0, controllerPort = 0]: number[]) =>
      new KafkaBroker({
        id,
        doors: [{ name: 'CLIENT', port, advertised }],
        innerPort,
        controllerPort,
        voters: `${id}@127.0.0.1:${controllerPort}`,
        copies: 1,
        jars,
        folder: folder.path,
        heapMiB: 384,
        properties: {},
      });
    [broker, other] = [make(1, ports.slice(0, 2)), make(2, ports.slice(2))];
    await broker.format(OURS);
    await other.format(OTHER);
    await broker.start();
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.dispose()));
    await Promise.all([broker?.kill(), other?.kill()]);
    await folder?.remove();
  });

  const start = async (topic: string, partitions: number, wait: 'listen' | 'start' = 'start') => {
    const node = await TestNode.make({
      env: {
        BROKER_LIST: brokerList,
        ZOOKEEPER_HOSTS: 'none',
        KAFKA_TOPIC: topic,
        KAFKA_PARTITIONS: String(partitions),
        NODE_ADDRESS: '127.0.0.1',
        WRITE_TIMEOUT_MS: '5000',
      },
    });
    nodes.push(node);
    await node[wait]();
    return node;
  };
  const filled = async (topic: string, partitions: number) => {
    const node = await start(topic, partitions);
    for (let i = 0; i < 20; i++) assert.equal((await node.put(`k${i}`, `v${i}`)).status, 200);
    const { json } = await node.delete('k0');
    await node.get('k0', json.version);
    await eventually('it has applied all', async () => (await node.status()).entries === 19);
    return node;
  };
  const trust = async (node: TestNode, key: string) => {
    const { status, json, headers } = await node.get(key);
    return `${status} ${status === 200 ? json.value : ''} ${headers['bitacora-read']}`;
  };
  const becomes = (node: TestNode, state: string) =>
    eventually(`it is ${state}`, async () => (await node.status()).state === state, {
      withinMs: FOUND_WITHIN_MS,
    });

  it('halts a running node when another cluster stands there, which goes on when ours is back', {
    timeout: 180_000,
  }, async () => {
    const topic = uniqueName('swap');
    const node = await filled(topic, 2);
    await broker.kill('SIGTERM');
    await other.start();
    const stranger = await start(topic, 2);
    await stranger.put('k1', 'strange');
    await becomes(node, 'halted');
    assert.equal(await trust(node, 'k1'), '200 v1 behind');
    assert.equal(await trust(node, 'k0'), '404  behind');
    const put = await node.put('k1', 'new');
    assert.deepEqual(
      [put.status, put.json.code, put.json.outcome],
      [503, 'log_unavailable', 'not_written'],
    );
    assert.equal((await node.call('GET', '/health')).text, 'DOWN');
    const { warnings, ready } = await node.status();
    assert.equal(ready, false);
    assert.ok(warnings.some((line) => line.includes('halted') && line.includes(OTHER)));
    await other.kill();
    await broker.start();
    await node.untilHealthy();
    await eventually('it is certain', async () => (await trust(node, 'k1')) === '200 v1 final');
    assert.equal((await node.put('k1', 'new')).status, 200);
    assert.ok(!(await node.status()).warnings.some((line) => line.includes('halted')));
    assert.equal(await stranger.stop(), 0);
    // Its state comes from the other cluster.
    await stranger.listen();
    assert.equal(await stranger.ended(), 2);
    assert.match(stranger.tail(), /clusterId is B7Tz/);
  });

  it('halts a running node when partitions are added, and its restart ends with 2', {
    timeout: 120_000,
  }, async () => {
    const topic = uniqueName('grown');
    const node = await filled(topic, 2);
    const admin = rawAdmin(brokerList);
    await admin.createPartitions({ topics: [{ name: topic, count: 3 }] });
    await admin.close();
    await becomes(node, 'halted');
    assert.equal(await trust(node, 'k1'), '200 v1 behind');
    assert.equal((await node.put('k1', 'new')).status, 503);
    await node.stop();
    await node.listen();
    assert.equal(await node.ended(), 2);
    assert.match(node.tail(), /partitions is 3/);
  });

  it('keeps what a shorter log has lost, in a file, and ends with 2 where nothing is left', {
    timeout: 180_000,
  }, async () => {
    const topic = uniqueName('cut');
    const node = await filled(topic, 2);
    const where = (await node.status()).log.partitions.map(({ end }) => end);
    assert.ok(where.every((end) => (end ?? 0) > 0));
    const versions = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const { headers } = await node.get(`k${i}`);
        return String(headers['bitacora-version']);
      }),
    );
    const cut = versions.flatMap((version, i) => (version.startsWith('0:') ? [`k${i}`] : []));
    const kept = versions.flatMap((version, i) => (version.startsWith('1:') ? [`k${i}`] : []));
    assert.ok(cut.length > 1 && kept.length > 1);
    const lose = async (partition: number) => {
      await broker.kill('SIGTERM');
      const data = join(folder.path, 'broker-1', 'data');
      await rm(join(data, `${topic}-${partition}`), { recursive: true });
      await broker.start();
    };
    await lose(0);
    await node.untilHealthy();
    await eventually('what is gone is gone', async () => {
      const answers = await Promise.all(cut.map((key) => trust(node, key)));
      for (const answer of answers) assert.match(answer, /^(200 v\d+ behind|404 {2}\w+)$/);
      return answers.every((answer) => answer === '404  final');
    });
    for (const key of kept) assert.match(await trust(node, key), /^(200 v|404).* final$/);
    const files = (await readdir(node.dataDir)).filter((name) => name.startsWith('lost-'));
    assert.equal(files.length, 1);
    const text = await readFile(join(node.dataDir, files[0] ?? ''), 'utf8');
    const lost = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(lost.map(({ key }) => key).sort(), cut.sort());
    for (const { key, partition, kind, value } of lost) {
      assert.deepEqual([partition, kind], [0, key === 'k0' ? 'marker' : 'live']);
      assert.equal(value, key === 'k0' ? undefined : key.replace('k', 'v'));
    }
    assert.equal((await node.put('again', 'v')).status, 200);

    await node.stop();
    await lose(1);
    await lose(0);
    await node.listen();
    assert.equal(await node.ended(), 2);
    assert.match(node.tail(), /The log is empty/);
  });
});
