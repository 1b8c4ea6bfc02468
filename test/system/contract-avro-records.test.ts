import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import avsc from 'avsc';
import { BitacoraClient } from '../../src/client/client.ts';
import { eventually } from '../helpers/eventually.ts';
import { createTopic, RawProducer } from '../helpers/raw-kafka.ts';
import { readTopic } from '../helpers/read-topic.ts';
import { TestNode } from '../helpers/test-node.ts';
import { type SharedKafka, sharedKafka, uniqueName } from '../services/shared.ts';

/** What the original wrote, as it lay in its topic. */
const GOLDEN = [
  {
    key: 'one',
    hex: '066f6e6506616263a898d6bdbf6806002633343131353832393632353037363831373933',
    value: 'abc',
    timestamp: 1_795_226_781_204,
  },
  {
    key: 'emptyv',
    hex: '0c656d7074797600faabd6bdbf6806002633343131353832393733303532313632303533',
    value: '',
    timestamp: 1_795_226_782_461,
  },
];
const PUT_AT = 1_700_000_000_000;

/** Its record, read and written by another program. */
const record = avsc.Type.forSchema({
  type: 'record',
  name: 'KeyValueRawAvro',
  fields: [
    { name: 'key', type: 'string' },
    { name: 'value', type: 'string' },
    { name: 'timestamp', type: 'long' },
    { name: 'source', type: 'int' },
    { name: 'ttl', type: 'long' },
    { name: 'uuid', type: 'string' },
  ],
});

describe('CODEC=avro', () => {
  let kafka: SharedKafka;
  const nodes: TestNode[] = [];

  before(async () => {
    kafka = await sharedKafka();
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.dispose()));
    await kafka.release();
  });

  const started = async (topic: string) => {
    const node = await TestNode.start({
      env: {
        BROKER_LIST: kafka.brokerList,
        ZOOKEEPER_HOSTS: 'none',
        KAFKA_TOPIC: topic,
        NODE_ADDRESS: '127.0.0.1',
        CODEC: 'avro',
      },
    });
    nodes.push(node);
    return node;
  };
  const encoded = (key: string, value: string, ttl: number) =>
    record.toBuffer({ key, value, timestamp: PUT_AT, source: 3, ttl, uuid: '1' });

  it('reads a topic of the original', async () => {
    const topic = uniqueName('original');
    await createTopic(kafka.brokerList, topic, { 'cleanup.policy': 'compact' }, 1);
    await using producer = await RawProducer.open(kafka.brokerList, topic);
    await producer.send([
      ...GOLDEN.map(({ key, hex }) => ({ key: Buffer.from(key), value: Buffer.from(hex, 'hex') })),
      { key: Buffer.from('expired'), value: encoded('expired', 'v', -1) },
      { key: Buffer.from('null'), value: null },
      { key: Buffer.from('cut'), value: encoded('cut', 'v', 0).subarray(0, 9) },
      { key: Buffer.from('later'), value: encoded('later', 'v', 2_000_000_000_000) },
    ]);
    const node = await started(topic);
    for (const { key, value, timestamp } of GOLDEN) {
      const { status, json, headers } = await node.get(key);
      assert.deepEqual([status, json.value, json.timestamp, json.ttl], [200, value, timestamp, 0]);
      assert.equal(headers['bitacora-timestamp'], String(timestamp));
    }
    for (const key of ['expired', 'null']) {
      const { status, headers } = await node.get(key);
      assert.deepEqual([status, headers['bitacora-deleted']], [404, 'true'], key);
    }
    const cut = await node.get('cut');
    assert.deepEqual([cut.status, cut.json.code], [500, 'unreadable']);
    assert.match(cut.json.message, /partition 0, offset 4/);
    assert.deepEqual((await node.get('later')).json.value, 'v');
    const { quarantined, log, codec } = await node.status();
    assert.deepEqual([quarantined, log.partitions.length, codec], [1, 1, 'avro']);
  });

  it('writes what the original reads into one partition, stamped by the log', async () => {
    const topic = uniqueName('avro');
    const node = await started(topic);
    const before = Date.now();
    const put = await node.put('café', '€😀');
    assert.equal(put.status, 200);
    assert.match(put.json.version, /^0:0$/);
    const client = await BitacoraClient.connect({ servers: [node.avro] });
    assert.equal(await client.get('café'), '€😀');
    await client.set('none', '');
    await client.close();
    const gone = await node.delete('café');
    const refused = await node.put('bytes', Buffer.from([0xff]));
    assert.deepEqual([refused.status, refused.json.code], [400, 'bad_value']);

    const records = await readTopic(kafka.brokerList, topic);
    assert.deepEqual(
      records.map(({ key, partition, headers }) => [key, partition, headers.length]),
      [
        ['café', 0, 0],
        ['none', 0, 0],
        ['café', 0, 0],
      ],
    );
    const [first, second, third] = records.map(({ value }) => record.fromBuffer(value as Buffer));
    assert.deepEqual([first.key, first.value, first.source, first.ttl], ['café', '€😀', 3, 0]);
    assert.ok(Math.abs(first.timestamp - before) < 60_000, `${first.timestamp}`);
    assert.match(first.uuid, /^\d+$/);
    assert.deepEqual([second.key, second.value, second.ttl], ['none', '', 0]);
    assert.deepEqual([third.key, third.ttl], ['café', -1]);
    // LogAppendTime, not the field.
    assert.equal(records[2]?.timestamp, gone.json.timestamp);
    await using producer = await RawProducer.open(kafka.brokerList, topic);
    await producer.send([{ key: Buffer.from('field'), value: encoded('field', 'v', 0) }]);
    const { json } = await eventually('it is applied', async () => {
      const answer = await node.get('field');
      return answer.status === 200 && answer;
    });
    assert.ok(json.timestamp >= before - 60_000, `${json.timestamp}`);
  });
});
