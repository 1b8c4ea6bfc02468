import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../helpers/eventually.ts';
import { createTopic, RawProducer } from '../helpers/raw-kafka.ts';
import { readTopic } from '../helpers/read-topic.ts';
import { TestNode } from '../helpers/test-node.ts';
import { type SharedKafka, sharedKafka, uniqueName } from '../services/shared.ts';

const RETENTION_MS = 2_000;
const CLEANED_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 700;

/** A node that was away for longer than the log keeps the null tombstones of other producers. */
describe('a node that was away', () => {
  let shared: SharedKafka;
  const nodes: TestNode[] = [];
  const producers: RawProducer[] = [];

  before(async () => {
    shared = await sharedKafka();
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.dispose()));
    await Promise.all(producers.map((producer) => producer[Symbol.asyncDispose]()));
    await shared?.release();
  });

  /** A topic that is cleaned all the time, a foreign producer on it, and a node. */
  const start = async (retentionMs: number) => {
    const topic = uniqueName('away');
    await createTopic(
      shared.brokerList,
      topic,
      {
        'cleanup.policy': 'compact',
        'message.timestamp.type': 'LogAppendTime',
        'delete.retention.ms': String(retentionMs),
        'min.cleanable.dirty.ratio': '0.001',
        'segment.ms': '500',
      },
      1,
    );
    const producer = await RawProducer.open(shared.brokerList, topic);
    producers.push(producer);
    const put = (key: string, value: string | null) =>
      producer.send([{ key: Buffer.from(key), value: value === null ? null : Buffer.from(value) }]);
    await put('deleted', 'once');
    await put('kept', 'always');
    const node = await TestNode.make({
      env: {
        BROKER_LIST: shared.brokerList,
        ZOOKEEPER_HOSTS: 'none',
        KAFKA_TOPIC: topic,
        NODE_ADDRESS: '127.0.0.1',
      },
    });
    nodes.push(node);
    await node.start();
    assert.equal((await node.get('deleted')).status, 200);
    /** Deletes by a null record, and waits until nothing in the log tells of the key. */
    const deleteAndForget = async () => {
      await put('deleted', null);
      await eventually(
        'the tombstone is gone',
        async () => {
          // Each look is a consumer of its own, and the cleaner needs closed segments.
          await pause(LOOK_EVERY_MS);
          await put('filler', `${Date.now()}`);
          const records = await readTopic(shared.brokerList, topic);
          return records.every(({ key }) => key !== 'deleted');
        },
        { withinMs: CLEANED_WITHIN_MS },
      );
    };
    return { node, put, deleteAndForget };
  };

  const answers = async (node: TestNode, key: string) => {
    const { status, headers } = await node.get(key);
    return `${status} ${headers['bitacora-read']}`;
  };
  /** The first answer for certain; right after a start there may be none yet. */
  const certain = (node: TestNode, key: string) =>
    eventually(`a final answer for ${key}`, async () => {
      const answer = await answers(node, key);
      return answer.endsWith('final') ? answer : undefined;
    });
  const rebuilds = (node: TestNode) =>
    node.log.filter((line) => line.includes('"msg":"rebuild"')).map((line) => JSON.parse(line));

  it('is filled anew when it comes back, and has lost what was deleted', async () => {
    const { node, deleteAndForget } = await start(RETENTION_MS);
    await node.kill();
    await deleteAndForget();
    await node.start();
    assert.equal(await certain(node, 'deleted'), '404 final');
    assert.equal(await certain(node, 'kept'), '200 final');
    const [rebuild] = rebuilds(node);
    assert.match(rebuild?.reason, /^not caught up for \d+ (seconds|ms), null tombstones are kept/);
    const status = await node.status();
    assert.ok(!status.warnings.some((line) => line.includes('rebuilt')), `${status.warnings}`);
  });

  it('never says for certain what it has not caught up with while it stood still', async () => {
    const { node, deleteAndForget } = await start(RETENTION_MS);
    node.signal('SIGSTOP');
    await deleteAndForget();
    node.signal('SIGCONT');
    const seen = new Set<string>();
    await eventually('the node is right', async () => {
      seen.add(await answers(node, 'deleted'));
      return seen.has('404 final');
    });
    assert.ok(!seen.has('200 final'), `${[...seen]}`);
    assert.equal(await certain(node, 'kept'), '200 final');
    assert.ok(rebuilds(node).length >= 1);
  });

  it('goes on where it was when it comes back in time', async () => {
    const { node, put } = await start(7 * 86_400_000);
    await node.kill();
    await put('deleted', null);
    await node.start();
    assert.equal(await certain(node, 'deleted'), '404 final');
    assert.deepEqual(rebuilds(node), []);
  });
});
