import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { LogRecord } from '../../../src/record.ts';
import { type Anchor, anchorOf, withAnchor } from '../../../src/table/anchors.ts';

const record = (fields: Partial<LogRecord> = {}): LogRecord => ({
  partition: 0,
  offset: 1,
  timestamp: 2,
  key: Buffer.from('k'),
  value: Buffer.from('v'),
  headers: [],
  ...fields,
});

describe('anchors', () => {
  it('tell records apart by key, value, null and headers', () => {
    const hashes = [
      record(),
      record({ key: Buffer.from('kv'), value: Buffer.alloc(0) }),
      record({ value: null }),
      record({ value: Buffer.alloc(0) }),
      record({ headers: [{ name: 'a', value: Buffer.from('b') }] }),
      record({ headers: [{ name: 'ab', value: Buffer.alloc(0) }] }),
    ].map((each) => anchorOf(each).hash);
    assert.equal(new Set(hashes).size, hashes.length);
    assert.equal(anchorOf(record()).hash, anchorOf(record()).hash);
  });

  it('have the hash that is stored already', () => {
    // SHA-256 of 00000001 6b 00000001 76, and of 00000001 6b ffffffff.
    assert.equal(anchorOf(record()).hash, '5e4df0632cddbef3');
    assert.equal(anchorOf(record({ value: null })).hash, 'e32cfede25d3a06a');
  });

  it('keep the newest and some at doubling distances, few for any history', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1_000_000 }), { maxLength: 300 }), (steps) => {
        let anchors: readonly Anchor[] = [];
        let offset = 0;
        for (const step of steps) {
          offset += step;
          anchors = withAnchor(anchors, { offset, timestamp: 0, hash: String(offset) });
          assert.equal(anchors[0]?.offset, offset);
        }
        assert.ok(anchors.length <= 50, `${anchors.length} anchors`);
        for (const [i, anchor] of anchors.entries()) {
          if (i > 0) assert.ok(anchor.offset < (anchors[i - 1]?.offset ?? 0));
        }
      }),
    );
  });

  it('keep the first one for ever', () => {
    let anchors: readonly Anchor[] = [];
    for (let offset = 1; offset <= 10_000; offset++) {
      anchors = withAnchor(anchors, { offset, timestamp: 0, hash: '' });
    }
    assert.equal(anchors.at(-1)?.offset, 1);
  });
});
