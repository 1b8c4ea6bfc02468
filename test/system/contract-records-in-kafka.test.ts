import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import rdkafka from 'node-rdkafka';
import { partitionOf } from '../../src/codec/partitioner.ts';
import { eventually } from '../helpers/eventually.ts';
import { createTopic, RawProducer, type RawRecord, rawAdmin } from '../helpers/raw-kafka.ts';
import { readTopic } from '../helpers/read-topic.ts';
import { type HttpAnswer, TestNode } from '../helpers/test-node.ts';
import { type SharedKafka, sharedKafka, uniqueName } from '../services/shared.ts';

const PARTITIONS = 2;
const EMPTY = Buffer.from('x').subarray(1);
const OP = 'bitacora-op';

interface Foreign {
  readonly what: string;
  readonly value: Buffer | null;
  readonly headers?: RawRecord['headers'];
  /** Status, value, and encoding or null of the answer to GET. */
  readonly answer: readonly [number, string | undefined, string | undefined];
}

const text = (value: string) => Buffer.from(value);

const FOREIGN: readonly Foreign[] = [
  { what: 'null', value: null, answer: [404, undefined, undefined] },
  { what: 'empty', value: EMPTY, answer: [200, '', undefined] },
  { what: 'zero byte', value: Buffer.from([0]), answer: [200, '\0', undefined] },
  { what: 'no text', value: Buffer.from([0xff, 0]), answer: [200, '/wA=', 'base64'] },
  { what: 'larger', value: Buffer.alloc(300, 'v'), answer: [200, 'v'.repeat(300), undefined] },
  {
    what: 'delete, whatever the body',
    value: text('body'),
    headers: [[OP, 'delete']],
    answer: [404, undefined, undefined],
  },
  {
    what: 'put-empty, whatever the body',
    value: text('body'),
    headers: [[OP, 'put-empty']],
    answer: [200, '', undefined],
  },
  {
    what: 'headers of others',
    value: text('v'),
    headers: [['trace-id', 'bitacora-op']],
    answer: [200, 'v', undefined],
  },
  {
    what: 'unknown header',
    value: text('v'),
    headers: [['bitacora-ttl', '5']],
    answer: [500, undefined, undefined],
  },
  {
    what: 'unknown operation',
    value: text('v'),
    headers: [[OP, 'append']],
    answer: [500, undefined, undefined],
  },
];
const UNREADABLE = FOREIGN.filter(({ answer: [status] }) => status === 500).length;
const LIVE = FOREIGN.filter(({ answer: [status] }) => status !== 404).length;

/** A key with its home in the other partition. */
const strayPartition = (key: string) => 1 - partitionOf(Buffer.from(key), PARTITIONS);

describe('records in a Kafka topic', () => {
  let kafka: SharedKafka;
  const nodes: TestNode[] = [];

  before(async () => {
    kafka = await sharedKafka();
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.dispose()));
    await kafka.release();
  });

  const make = async (topic: string, env: Readonly<Record<string, string>> = {}) => {
    const node = await TestNode.make({
      env: {
        BROKER_LIST: kafka.brokerList,
        ZOOKEEPER_HOSTS: 'none',
        KAFKA_TOPIC: topic,
        NODE_ADDRESS: '127.0.0.1',
        ...env,
      },
    });
    nodes.push(node);
    return node;
  };
  const started = async (topic: string, env: Readonly<Record<string, string>> = {}) => {
    const node = await make(topic, env);
    await node.start();
    return node;
  };
  const untilApplied = (node: TestNode, records: number) =>
    eventually('all is applied', async () => {
      const { partitions } = (await node.status()).log;
      const applied = partitions.reduce((sum, { position }) => sum + position, 0);
      return applied >= records && partitions.every(({ caughtUp }) => caughtUp);
    });

  it('are a put’s bytes alone, and one byte and a header where bytes cannot say it', async () => {
    const topic = uniqueName('written');
    const node = await started(topic);
    assert.equal((await node.put('café', Buffer.from([0xff, 0, 1]))).status, 200);
    assert.equal((await node.call('POST', '/rpc?key=none&value=')).status, 200);
    const gone = await node.delete('gone');
    assert.equal(gone.status, 200);
    const records = await readTopic(kafka.brokerList, topic);
    const found = new Map(records.map((each) => [each.key, each]));
    assert.deepEqual(found.get('café')?.value, Buffer.from([0xff, 0, 1]));
    assert.deepEqual(found.get('café')?.headers, []);
    assert.deepEqual(found.get('none')?.value, Buffer.from([0]));
    assert.deepEqual(found.get('none')?.headers, ['bitacora-op: put-empty']);
    const delete_ = found.get('gone');
    assert.deepEqual(delete_?.value, Buffer.from([0]));
    assert.deepEqual(delete_?.headers, ['bitacora-op: delete']);
    assert.equal(`${delete_?.partition}:${delete_?.offset}`, gone.json.version);
    assert.equal(delete_?.timestamp, gone.json.timestamp);
    const { partitions } = (await node.status()).log;
    assert.equal(partitions.length, 12);
  });

  it('of any other producer mean the same to every node, and after every restart', async () => {
    const topic = uniqueName('foreign');
    await createTopic(kafka.brokerList, topic, { 'cleanup.policy': 'delete' }, PARTITIONS);
    await using producer = await RawProducer.open(kafka.brokerList, topic);
    // Possible only before the topic is compacted.
    await producer.send([{ partition: 0, key: null, value: text('no key') }]);
    await makeCompacted(kafka.brokerList, topic);
    const limits = { KEY_BYTES_MAX: '64', VALUE_BYTES_MAX: '128' };
    const one = await started(topic, limits);
    await producer.send([
      ...FOREIGN.map(({ what, value, headers }) => ({
        key: text(what),
        value,
        ...(headers && { headers }),
      })),
      { key: Buffer.alloc(65, 'k'), value: text('of a key beyond our limit') },
      { partition: 0, key: EMPTY, value: text('empty key') },
      { partition: 1, key: Buffer.from([0xff, 0xfe]), value: text('no text') },
      { partition: strayPartition('stray'), key: text('stray'), value: text('astray') },
      { partition: strayPartition('lost'), key: text('lost'), value: null },
    ]);
    const records = 1 + FOREIGN.length + 5;
    const putAside = 5 + UNREADABLE;
    const two = await make(topic, limits);
    await two.start();

    const agree = async (node: TestNode) => {
      await untilApplied(node, records);
      for (const { what, answer } of FOREIGN) {
        const got = await node.get(what);
        assert.deepEqual([got.status, got.json.value, got.json.encoding], answer, what);
        if (got.status === 404) assert.equal(got.headers['bitacora-deleted'], 'true', what);
        if (got.status === 500) assertUnreadable(what, got);
        assert.equal(got.headers['bitacora-read'], 'final', what);
        assert.match(String(got.headers['bitacora-version']), /^[01]:\d+$/, what);
      }
      const stray = await node.get('stray');
      assert.deepEqual([stray.status, stray.headers['bitacora-deleted']], [404, undefined]);
      assert.equal((await node.get('k'.repeat(65))).status, 413);
      const { quarantined, entries, markers, warnings } = await node.status();
      assert.deepEqual([quarantined, entries, markers], [putAside, LIVE + 1, 2]);
      assert.ok(
        warnings.some((line) => line.includes('murmur2_random')),
        warnings.join('\n'),
      );
    };
    await agree(one);
    await agree(two);
    await one.kill();
    await one.start();
    await agree(one);

    const healed = await one.call('POST', '/rpc?key=unknown%20header&value=read');
    const read = await two.get('unknown header', healed.json.version);
    assert.deepEqual([read.status, read.json.value], [200, 'read']);
    assert.equal((await two.status()).quarantined, putAside);
    assert.equal((await two.call('HEAD', '/rpc?key=unknown%20operation')).status, 500);
  });

  it('of transactions count when they are committed', async () => {
    const topic = uniqueName('transactions');
    const node = await started(topic, { KAFKA_PARTITIONS: '1' });
    await using producer = await RawProducer.open(kafka.brokerList, topic, {
      'transactional.id': topic,
    });
    await producer.readyForTransactions();
    const put = (key: string, value: string) => ({ key: text(key), value: text(value) });
    await producer.inTransaction([put('a', 'committed'), put('b', 'committed')], 'commit');
    await producer.inTransaction([put('a', 'aborted'), put('c', 'aborted')], 'abort');
    // Two records and a mark, each.
    await untilApplied(node, 6);
    for (const [key, value] of [
      ['a', 'committed'],
      ['b', 'committed'],
      ['c', undefined],
    ] as const) {
      const got = await node.get(key);
      assert.deepEqual([got.json.value, got.headers['bitacora-read']], [value, 'final'], key);
    }
    await node.kill();
    await node.start();
    assert.equal((await node.get('a')).headers['bitacora-position'], '0:6');
    assert.equal((await node.get('a')).json.value, 'committed');
  });

  it('are as large as the topic takes them, and 413 says so', async () => {
    const topic = uniqueName('small');
    const configs = { 'cleanup.policy': 'compact', 'max.message.bytes': '20000' };
    await createTopic(kafka.brokerList, topic, configs, 1);
    const node = await started(topic);
    assert.equal((await node.put('key', Buffer.alloc(15_000, 'v'))).status, 200);
    const refused = await node.put('key', Buffer.alloc(25_000, 'v'));
    assert.deepEqual([refused.status, refused.json.code], [413, 'too_large']);
    assert.match(refused.json.message, /max\.message\.bytes/);
    const { warnings } = await node.status();
    assert.ok(
      warnings.some((line) => line.includes('max.message.bytes 20000')),
      warnings.join('\n'),
    );
    assert.ok(
      warnings.some((line) => line.includes('CreateTime')),
      warnings.join('\n'),
    );
  });

  it('are not read from a topic that deletes some, nor with another number of partitions', async () => {
    const both = uniqueName('both');
    await createTopic(kafka.brokerList, both, { 'cleanup.policy': 'compact,delete' }, 1);
    const refused = await make(both);
    await refused.listen();
    const kept = uniqueName('grown');
    const node = await started(kept, { KAFKA_PARTITIONS: '1' });
    await node.put('key', 'value');
    await node.stop();
    await grow(kafka.brokerList, kept, 2);
    await node.listen();
    assert.equal(await refused.ended(), 2);
    assert.match(refused.tail(), /cleanup\.policy=compact,delete.*Set it to compact/s);
    assert.equal(await node.ended(), 2);
    assert.match(node.tail(), /partition/);
  });
});

function assertUnreadable(key: string, { json, headers }: HttpAnswer): void {
  assert.equal(json.code, 'unreadable');
  const [partition, offset] = String(headers['bitacora-version']).split(':');
  assert.match(
    json.message,
    new RegExp(`key ${key} .*partition ${partition}, offset ${offset}.* unknown `),
  );
}

const TOPIC = 2;
const SET = 0 as const;

async function makeCompacted(brokers: string, topic: string): Promise<void> {
  const admin = rawAdmin(brokers);
  const configs = [{ name: 'cleanup.policy', configOperation: SET, value: 'compact' }];
  try {
    await admin.incrementalAlterConfigs({
      resources: [{ resourceType: TOPIC, resourceName: topic, configs }],
    });
  } finally {
    await admin.close();
  }
}

async function grow(brokers: string, topic: string, partitions: number): Promise<void> {
  const admin = rdkafka.AdminClient.create({ 'metadata.broker.list': brokers });
  await new Promise<void>((resolve, reject) => {
    admin.createPartitions(topic, partitions, 30_000, (error) =>
      error ? reject(error) : resolve(),
    );
  });
  admin.disconnect();
}
