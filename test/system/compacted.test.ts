import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../helpers/eventually.ts';
import { createTopic, RawProducer } from '../helpers/raw-kafka.ts';
import { readTopic } from '../helpers/read-topic.ts';
import { TestNode } from '../helpers/test-node.ts';
import { type SharedKafka, sharedKafka, uniqueName } from '../services/shared.ts';

const CLEANED_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 700;
const ASK_EVERY_MS = 10;
/** Between two records of one key, so that a node is on its way from one to the other for a while. */
const FILLERS = 150_000;
const FILLERS_AT_ONCE = 15_000;

/** On the way, what lies below a node's position is no state that the log ever had. */
describe('a node on its way through a log that was compacted meanwhile', () => {
  let shared: SharedKafka;
  let node: TestNode | undefined;
  let producer: RawProducer | undefined;

  before(async () => {
    shared = await sharedKafka();
  });
  after(async () => {
    await node?.dispose();
    await producer?.[Symbol.asyncDispose]();
    await shared?.release();
  });

  it('never gives what was before the version asked for', { timeout: 180_000 }, async () => {
    const topic = uniqueName('compacted');
    const configs = {
      'cleanup.policy': 'compact',
      'message.timestamp.type': 'LogAppendTime',
      'min.cleanable.dirty.ratio': '0',
      'segment.ms': '500',
    };
    await createTopic(shared.brokerList, topic, configs, 1);
    producer = await RawProducer.open(shared.brokerList, topic, { 'linger.ms': 5 });
    const put = (key: string, value: string) => ({
      key: Buffer.from(key),
      value: Buffer.from(value),
    });
    const env = {
      BROKER_LIST: shared.brokerList,
      ZOOKEEPER_HOSTS: 'none',
      KAFKA_TOPIC: topic,
      NODE_ADDRESS: '127.0.0.1',
    };
    node = await TestNode.start({ env });
    const given = async (after?: string): Promise<string> => {
      const { status, json } = (await node?.get('key', after)) ?? {};
      return status === 200 ? json.value : `${status} ${json?.code}`;
    };
    await producer.send([put('key', 'first')]);
    await eventually('it has the first', async () => (await given()) === 'first');
    await node.kill();

    const [second] = await producer.send([put('key', 'second')]);
    const version = `0:${second?.offset}`;
    for (let sent = 0; sent < FILLERS; sent += FILLERS_AT_ONCE) {
      const fillers = Array.from({ length: FILLERS_AT_ONCE }, (_, i) => put(`${sent + i}`, 'x'));
      await producer.send(fillers);
    }
    await producer.send([put('key', 'third')]);
    const cleaned = async () => {
      // Each look is a consumer of its own, and the cleaner needs closed segments.
      await pause(LOOK_EVERY_MS);
      await producer?.send([put('roll', `${Date.now()}`)]);
      const records = await readTopic(shared.brokerList, topic);
      return records.filter(({ key }) => key === 'key').length === 1;
    };
    await eventually('the second is gone', cleaned, { withinMs: CLEANED_WITHIN_MS });

    await node.listen();
    const answers: Promise<string>[] = [];
    const seen = new Map<string, number>();
    const ask = async () => {
      const is = await given(version);
      seen.set(is, (seen.get(is) ?? 0) + 1);
      return is;
    };
    const asking = setInterval(() => answers.push(ask()), ASK_EVERY_MS);
    try {
      const third = async () => (await given()) === 'third';
      await eventually('it has the third', third, { withinMs: 60_000 });
    } finally {
      clearInterval(asking);
    }
    await Promise.all(answers);
    assert.equal(await ask(), 'third');
    assert.ok(answers.length > 10, 'it was asked on its way');
    for (const is of seen.keys()) assert.ok(['third', '503 not_yet'].includes(is), `${[...seen]}`);
  });
});
