import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { murmur2, partitionOf } from '../../../src/codec/partitioner.ts';

describe('murmur2', () => {
  // The values of Kafka's own UtilsTest.
  const kafka: readonly (readonly [string, number])[] = [
    ['21', -973_932_308],
    ['foobar', -790_332_482],
    ['a-little-bit-long-string', -985_981_536],
    ['a-little-bit-longer-string', -1_486_304_829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
    ['abc', 479_470_107],
  ];
  // The values of librdkafka's unit test of the same hash.
  const librdkafka: readonly (readonly [string, number])[] = [
    ['kafka', 0xd067cf64 | 0],
    ['giberish123456789', 0x8f552b0c | 0],
    ['', 0x106e08d9],
  ];
  for (const [text, expected] of [...kafka, ...librdkafka]) {
    it(`of '${text}' is Java's`, () => assert.equal(murmur2(Buffer.from(text)), expected));
  }
});

describe('the partition of a key', () => {
  it('is the hash without its sign, modulo the partitions', () => {
    assert.equal(partitionOf(Buffer.from('abc'), 12), 479_470_107 % 12);
    assert.equal(partitionOf(Buffer.from('21'), 12), (-973_932_308 & 0x7fffffff) % 12);
    assert.notEqual((-973_932_308 & 0x7fffffff) % 12, 973_932_308 % 12);
    assert.equal(partitionOf(Buffer.from('any'), 1), 0);
  });

  it('reads bytes, not characters', () => {
    const hashes = [Buffer.from('é'), Buffer.from('é', 'latin1'), Buffer.from('e')].map(murmur2);
    assert.equal(new Set(hashes).size, 3);
  });

  it('spreads keys over all partitions', () => {
    const seen = new Set<number>();
    for (let i = 0; i < 1_000; i++) seen.add(partitionOf(Buffer.from(`key-${i}`), 12));
    assert.deepEqual(
      [...seen].sort((a, b) => a - b),
      Array.from({ length: 12 }, (_, i) => i),
    );
  });
});
