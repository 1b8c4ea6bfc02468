import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  doubtIn,
  topicIdFromBase64,
  topicIdFromUuid,
} from '../../../src/wal/kafka/kafka-log-lines.ts';

const ID = 'uWwQRz5jRQGwFxlCXKjbKw';
const LOG = { clusterId: 'QUFBQUFBQUFBQUFBQUFBQQ', topicId: ID, topic: 'rc.1', partitions: 12 };

function doubt(fac: string, message: string) {
  return doubtIn({ severity: 7, fac, message }, LOG);
}

describe('lines that the Kafka client logs', () => {
  it('hold the same topic id in three forms', () => {
    const hex = '-_-_';
    assert.equal(topicIdFromBase64('+/+/AAAAAAAAAAAAAAAAAA=='), `${hex}AAAAAAAAAAAAAAAAAA`);
    assert.equal(topicIdFromUuid('fbffbf00-0000-0000-0000-000000000000'), '-_-_AAAAAAAAAAAAAAAAAA');
    assert.equal(topicIdFromUuid('b96c1047-3e63-4501-b017-19425ca8db2b'), ID);
  });

  it('are no reason for doubt when they say what is known', () => {
    const start = '[thrd:main]: ';
    assert.equal(
      doubt(
        'METADATA',
        `${start}127.0.0.1:9092/bootstrap: ClusterId: ${LOG.clusterId}, ControllerId: 1`,
      ),
      undefined,
    );
    const learned = `Topic rc.1 changed id from AAAAAAAAAAAAAAAAAAAAAA to ${ID}`;
    assert.equal(doubt('METADATA', start + learned), undefined);
    assert.equal(doubt('METADATA', `${start}Topic other changed id from A to B`), undefined);
    assert.equal(doubt('PARTCNT', 'Topic rc.1 partition count changed from 0 to 12'), undefined);
    assert.equal(doubt('PARTCNT', 'Topic other partition count changed from 2 to 3'), undefined);
    assert.equal(doubt('FAIL', '127.0.0.1:9092/1: Connect failed'), undefined);
  });

  it('are a reason when they name another topic, cluster or count', () => {
    assert.ok(doubt('METADATA', `x: ClusterId: other, ControllerId: 1`));
    assert.ok(doubt('METADATA', `Topic rc.1 changed id from ${ID} to 3QlyGXh3Qw68fzFdsly3bw`));
    assert.ok(doubt('CLUSTERID', 'Broker 1 reports different ClusterId "a" than known "b"'));
    assert.ok(doubt('PARTCNT', 'Topic rc.1 partition count changed from 12 to 0'));
    assert.ok(doubt('PARTCNT', 'Topic rc.1 partition count changed from 12 to 24'));
  });
});
