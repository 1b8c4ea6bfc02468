import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  judgeTopic,
  messageBytesFor,
  planTopic,
  recordBytesIn,
  replicationFor,
} from '../../../src/wal/kafka/kafka-topic.ts';

const WISH = {
  topic: 't',
  partitions: 12,
  replication: undefined,
  recordBytesMax: 1_000_000,
  compactionLagMs: 2_000,
};
const FEATURES = ['gzip', 'snappy', 'lz4', 'zstd'];
const SAFE = {
  'cleanup.policy': 'compact',
  'compression.type': 'lz4',
  'delete.retention.ms': '604800000',
  'max.message.bytes': String(messageBytesFor(WISH.recordBytesMax)),
  'message.timestamp.type': 'LogAppendTime',
  'min.compaction.lag.ms': '2000',
  'min.insync.replicas': '2',
  'unclean.leader.election.enable': 'false',
};

function judge(changes: Record<string, string> = {}, replication = 3, features = FEATURES) {
  const configs = new Map(Object.entries({ ...SAFE, ...changes }));
  return judgeTopic({ topic: 't', replication, configs }, WISH, features);
}

describe('the judgement of a topic', () => {
  it('finds nothing wrong with what a node creates itself', () => {
    const { configs, partitions, replication } = planTopic(WISH, 3);
    assert.deepEqual({ partitions, replication }, { partitions: 12, replication: 3 });
    assert.deepEqual(configs, SAFE);
    assert.deepEqual(judge(configs), {
      refusal: undefined,
      warnings: [],
      messageBytesMax: messageBytesFor(1_000_000),
      recordBytesMax: 1_000_000,
      deleteRetentionMs: 604_800_000,
      appendTime: true,
      uncleanElection: false,
    });
    assert.equal(planTopic(WISH, 1).configs['min.insync.replicas'], '1');
  });

  it('refuses every policy but compact, and what it cannot read', () => {
    for (const policy of ['delete', 'compact,delete', 'delete,compact', '']) {
      assert.match(judge({ 'cleanup.policy': policy }).refusal ?? '', /cleanup\.policy/);
    }
    for (const type of ['producer', 'uncompressed', 'gzip', 'zstd']) {
      assert.equal(judge({ 'compression.type': type }).refusal, undefined);
    }
    const plain = ['gzip', 'lz4'];
    assert.match(judge({ 'compression.type': 'zstd' }, 3, plain).refusal ?? '', /zstd/);
    assert.match(judge({}, 3, plain).warnings.join(), /zstd/);
  });

  it('warns once for each unsafe setting', () => {
    const unsafe: [Record<string, string>, RegExp][] = [
      [{ 'message.timestamp.type': 'CreateTime' }, /CreateTime/],
      [{ 'min.insync.replicas': '1' }, /min\.insync\.replicas/],
      [{ 'unclean.leader.election.enable': 'true' }, /unclean/],
      [{ 'delete.retention.ms': String(3 * 86_400_000 - 1) }, /3 days/],
      [{ 'max.message.bytes': '1000' }, /max\.message\.bytes/],
    ];
    for (const [change, pattern] of unsafe) {
      const { warnings, refusal } = judge(change);
      assert.equal(refusal, undefined);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? '', pattern);
    }
    assert.match(judge({}, 2).warnings.join(), /replication 2/);
    assert.deepEqual(judge({ 'delete.retention.ms': String(3 * 86_400_000) }).warnings, []);
    assert.equal(judge({ 'max.message.bytes': '1000' }).recordBytesMax, 0);
  });

  it('knows nothing where the settings may not be read, and says so', () => {
    const finding = { topic: 't', replication: 3, configs: undefined };
    const { warnings, ...rest } = judgeTopic(finding, WISH, FEATURES);
    assert.match(warnings.join(), /may not be read/);
    assert.deepEqual(rest, {
      refusal: undefined,
      messageBytesMax: undefined,
      recordBytesMax: undefined,
      deleteRetentionMs: undefined,
      appendTime: false,
      uncleanElection: undefined,
    });
  });

  it('makes room for a record, and no more than there is', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 25), (bytes) => {
        assert.equal(recordBytesIn(messageBytesFor(bytes)), bytes);
        assert.ok(messageBytesFor(recordBytesIn(bytes)) <= Math.max(bytes, messageBytesFor(0)));
      }),
    );
  });

  it('asks for one copy only where one broker was named and one is there', () => {
    assert.equal(replicationFor(WISH, 1, 1), 1);
    assert.equal(replicationFor(WISH, 3, 1), 3);
    assert.equal(replicationFor(WISH, 1, 3), 3);
    assert.equal(replicationFor({ ...WISH, replication: 2 }, 1, 1), 2);
  });
});
