import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { NewestByKey } from '../../../src/apply/newest-by-key.ts';
import type { Entry } from '../../../src/entry.ts';

const entry = (offset: number): Entry => ({
  kind: 'live',
  offset,
  timestamp: 0,
  value: Buffer.alloc(0),
});

/** Few keys and fewer hashes: both come again, alone and together. */
const steps = fc.array(fc.record({ key: fc.nat(9), hash: fc.nat(2) }), { maxLength: 40 });

describe('NewestByKey', () => {
  it('keeps what a Map would, whatever the hashes', () => {
    fc.assert(
      fc.property(steps, fc.integer(), (of, spread) => {
        const newest = new NewestByKey(of.length);
        const expected = new Map<string, number>();
        for (const [offset, { key }] of of.entries()) {
          const hash = (of.find((each) => each.key === key)?.hash ?? 0) * (spread | 0);
          newest.set(Buffer.from(`${key}`), hash | 0, entry(offset));
          expected.set(`${key}`, offset);
        }
        const found = newest.keys.map((key, i) => [key.toString(), newest.entries[i]?.offset]);
        assert.deepEqual(found, [...expected]);
      }),
    );
  });

  it('tells keys apart by their bytes, of the same hash too', () => {
    const newest = new NewestByKey(4);
    const keys = ['a', 'a\0', 'b', 'é'];
    for (const [i, key] of keys.entries()) newest.set(Buffer.from(key), -1, entry(i));
    assert.deepEqual(
      newest.keys.map((key) => key.toString()),
      keys,
    );
  });
});
