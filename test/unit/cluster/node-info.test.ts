import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatNodeInfo,
  isAddress,
  NODE_INFO_BYTES_MAX,
  parseNodeInfo,
} from '../../../src/cluster/node-info.ts';
import { nodeInfo } from '../../helpers/node-info.ts';

const info = nodeInfo({
  http: '10.0.0.1:8082',
  rpc: '10.0.0.1:8083',
  log: { clusterId: 'c', topicId: 't', topic: 'bitacora', partitions: 12, codec: 'avro' },
});

test('what is written is read again, unknown fields aside', () => {
  assert.deepEqual(parseNodeInfo(formatNodeInfo(info)), info);
  const later = Buffer.from(JSON.stringify({ ...info, zone: 'a', log: { ...info.log, x: 1 } }));
  assert.deepEqual(parseNodeInfo(later), info);
});

test('ids may be null, as long as the log was never met', () => {
  const young = nodeInfo({ http: 'a:1', rpc: 'a:2' });
  assert.deepEqual(parseNodeInfo(formatNodeInfo(young)), young);
});

test('a field that is missing or of another kind makes it none of ours', () => {
  const wrong = [null, undefined, true, {}, [], '', -1, 1.5, 'x'.repeat(1_000)];
  for (const field of Object.keys(info) as (keyof typeof info)[]) {
    for (const value of wrong.filter((value) => !(field === 'startedAt' && value === -1))) {
      const bytes = Buffer.from(JSON.stringify({ ...info, [field]: value }));
      assert.equal(parseNodeInfo(bytes), undefined, `${field}: ${JSON.stringify(value)}`);
    }
  }
  for (const field of Object.keys(info.log)) {
    for (const value of wrong.filter((value) => value !== null)) {
      const bytes = Buffer.from(JSON.stringify({ ...info, log: { ...info.log, [field]: value } }));
      assert.equal(parseNodeInfo(bytes), undefined, `log.${field}: ${JSON.stringify(value)}`);
    }
  }
});

test('no bytes do harm', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.equal(parseNodeInfo(Buffer.from(bytes)), undefined);
    }),
  );
  fc.assert(
    fc.property(fc.json(), (json) => assert.equal(parseNodeInfo(Buffer.from(json)), undefined)),
  );
  const long = Buffer.from(JSON.stringify({ ...info, more: 'x'.repeat(NODE_INFO_BYTES_MAX) }));
  assert.equal(parseNodeInfo(long), undefined);
});

test('an address is a host and a port', () => {
  for (const good of ['127.0.0.1:1', 'node-1.example:65535', 'a_b:8082', '[::1]:8082']) {
    assert.ok(isAddress(good), good);
  }
  const bad = ['', 'a', 'a:', ':1', 'a:0', 'a:65536', 'a:1/x', 'a b:1', 'a@b:1', '::1:1', 'ä:1', 7];
  for (const text of bad) assert.ok(!isAddress(text), String(text));
});
