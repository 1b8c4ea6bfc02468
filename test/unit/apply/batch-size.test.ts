import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BatchSize } from '../../../src/apply/batch-size.ts';
import type { LogRecord } from '../../../src/record.ts';

const records = (count: number, valueBytes: number): LogRecord[] =>
  Array.from({ length: count }, (_, offset) => ({
    partition: 0,
    offset,
    timestamp: 0,
    key: Buffer.from('key'),
    value: valueBytes === 0 ? null : Buffer.alloc(valueBytes),
    headers: [],
  }));

describe('the size of a batch', () => {
  it('grows to 500 small records, a doubling at a time', () => {
    const size = new BatchSize();
    const seen = [];
    for (let i = 0; i < 8; i++) {
      seen.push(size.max);
      size.learn(records(size.max, 100));
    }
    assert.deepEqual(seen, [8, 16, 32, 64, 128, 256, 500, 500]);
  });

  it('is half a MiB of large ones, and never nothing', () => {
    const size = new BatchSize();
    size.learn(records(8, 50_000));
    assert.equal(size.max, 10);
    size.learn(records(10, 15 * 2 ** 20));
    assert.equal(size.max, 1);
    size.learn(records(1, 100));
    assert.equal(size.max, 2);
  });

  it('learns nothing from an empty batch, and takes deletes for small', () => {
    const size = new BatchSize();
    size.learn([]);
    assert.equal(size.max, 8);
    size.learn(records(8, 0));
    assert.equal(size.max, 16);
  });
});
