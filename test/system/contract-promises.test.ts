import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BitacoraClient, BitacoraError } from '../../src/client/client.ts';
import { eventually } from '../helpers/eventually.ts';
import { RawProducer } from '../helpers/raw-kafka.ts';
import { type HttpAnswer, TestNode } from '../helpers/test-node.ts';
import { type SharedKafka, sharedKafka, uniqueName } from '../services/shared.ts';

const NOBODY = '127.0.0.1:1';

/** What a node says while it cannot know: never a false miss, never a write that is not one. */
describe('a node’s answers', () => {
  let kafka: SharedKafka;
  const nodes: TestNode[] = [];
  before(async () => {
    kafka = await sharedKafka();
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.dispose()));
    await kafka.release();
  });
  const made = async (env: Readonly<Record<string, string>>) => {
    const node = await TestNode.make({
      env: {
        BROKER_LIST: kafka.brokerList,
        ZOOKEEPER_HOSTS: 'none',
        NODE_ADDRESS: '127.0.0.1',
        ...env,
      },
    });
    nodes.push(node);
    return node;
  };

  const assertError = (answer: HttpAnswer, status: number, code: string, outcome?: string) => {
    assert.deepEqual(
      [answer.status, answer.json.code, answer.json.outcome],
      [status, code, outcome],
    );
    assert.equal(answer.headers['retry-after'], status === 503 ? '1' : undefined);
  };

  it('before it has met any log', async () => {
    const node = await made({ BROKER_LIST: NOBODY });
    await node.listen();
    assertError(await node.get('key'), 503, 'recovering');
    assertError(await node.put('key', 'v'), 503, 'log_unavailable', 'not_written');
    assertError(await node.delete('key'), 503, 'log_unavailable', 'not_written');
    // Which partition is the key's is not known yet.
    for (const after of ['0:0', '7:3']) {
      assertError(await node.get('key', after), 503, 'not_yet');
      const own = await node.call('GET', `/rpc/cluster?key=key&after=${after}`);
      assertError(own, 503, 'not_yet');
    }
    const own = await node.call('GET', '/rpc/cluster?key=key');
    assert.deepEqual([own.status, own.headers['bitacora-read']], [404, 'behind']);
    assert.equal(own.headers['bitacora-log'], undefined);
    await using client = await BitacoraClient.connect(
      { servers: [node.avro] },
      { deadlineMs: 400 },
    );
    for (const call of [() => client.get('key'), () => client.set('key', 'v')]) {
      await assert.rejects(call(), (error: unknown) => {
        assert.ok(error instanceof BitacoraError);
        assert.match(error.code, /^(unavailable|timeout)$/);
        return true;
      });
    }
  });

  it('before it has recovered what others know', async () => {
    const topic = uniqueName('peers');
    const one = await made({ KAFKA_TOPIC: topic, KAFKA_PARTITIONS: '2' });
    await one.start();
    const { json: put } = await one.put('key', 'v');
    await one.delete('gone');
    const two = await made({ KAFKA_TOPIC: topic, PEERS: one.http, PEER_TIMEOUT_MS: '2000' });
    await two.start();
    await two.get('key', put.version);
    // Only the log is away from it, not its peer.
    await two.stop();
    await two.listen({ BROKER_LIST: NOBODY });
    const { json: newer } = await one.put('key', 'newer');
    const read = await two.get('key');
    assert.deepEqual(
      [read.status, read.json.value, read.json.source, read.headers['bitacora-read']],
      [200, 'newer', 2, 'peer'],
    );
    assert.equal(read.headers['bitacora-version'], newer.version);
    const gone = await two.get('gone');
    assert.deepEqual([gone.status, gone.headers['bitacora-deleted']], [404, 'true']);
    const none = await two.get('none');
    assert.deepEqual([none.status, none.headers['bitacora-read']], [404, 'peer']);
    const own = await two.call('GET', '/rpc/cluster?key=key');
    assert.deepEqual([own.json.value, own.headers['bitacora-read']], ['v', 'behind']);
    await one.stop();
    const alone = await two.get('key');
    assert.deepEqual([alone.json.value, alone.headers['bitacora-read']], ['v', 'behind']);
    assert.equal((await two.get('none')).headers['bitacora-read'], 'behind');
  });

  it('wait for its own writes and for versions that are on their way', async () => {
    const topic = uniqueName('own');
    const env = { KAFKA_TOPIC: topic, KAFKA_PARTITIONS: '1' };
    const [one, two] = [await made(env), await made(env)];
    await Promise.all([one.start(), two.start()]);
    for (let i = 0; i < 100; i++) {
      const { json } = await one.put('key', `${i}`);
      const [own, other] = await Promise.all([one.get('key'), two.get('key', json.version)]);
      assert.deepEqual([own.json.value, own.headers['bitacora-read']], [`${i}`, 'final']);
      assert.deepEqual([other.json.value, other.status], [`${i}`, 200]);
    }
    const { json } = await one.put('key', 'last');
    const offset = Number(json.version.split(':')[1]);
    assertError(await two.get('key', `0:${offset + 1}`), 400, 'bad_version');
    assertError(await two.get('key', '1:0'), 400, 'bad_version');
    await using producer = await RawProducer.open(kafka.brokerList, topic);
    await producer.send([{ key: Buffer.from('foreign'), value: Buffer.from('v') }]);
    assert.equal((await two.get('foreign', `0:${offset + 1}`)).json.value, 'v');
    await eventually('both are fresh', async () => {
      const answers = await Promise.all([one.get('none'), two.get('none')]);
      return answers.every(({ headers }) => headers['bitacora-read'] === 'final');
    });
  });
});
