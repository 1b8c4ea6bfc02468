import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  checkedValue,
  StoredValues,
  withChecksum,
} from '../../../src/storage/rocks/checked-value.ts';

describe('a checked value', () => {
  const key = Buffer.from('key');
  const value = Buffer.from('value');
  const stored = withChecksum(key, value);

  it('is given back as it was', () => {
    assert.deepEqual(checkedValue(key, stored), value);
  });

  it('is refused with any bit changed, its checksum included', () => {
    for (let bit = 0; bit < stored.length * 8; bit++) {
      const changed = Buffer.from(stored);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      assert.throws(() => checkedValue(key, changed), { kind: 'corrupt' }, `bit ${bit}`);
    }
  });

  it('is refused under another key, and where its end is gone', () => {
    assert.throws(() => checkedValue(Buffer.from('yek'), stored), { kind: 'corrupt' });
    for (let length = 0; length < stored.length; length++) {
      assert.throws(() => checkedValue(key, stored.subarray(0, length)), { kind: 'corrupt' });
    }
  });
});

describe('StoredValues', () => {
  it('makes the same bytes, value after value, of any length', () => {
    const values = new StoredValues();
    const key = Buffer.from('key');
    for (const length of [0, 1, 100, 5, 100, 4_092, 4_093, 70_000, 0, 100]) {
      const value = Buffer.alloc(length, length);
      assert.ok(values.of(key, value).equals(withChecksum(key, value)), `${length} bytes`);
    }
  });

  it('gives bytes that another value does not change where it has no room for them', () => {
    const values = new StoredValues();
    const key = Buffer.from('key');
    const large = values.of(key, Buffer.alloc(5_000, 1));
    const copy = Buffer.from(large);
    values.of(key, Buffer.alloc(5_000, 2));
    values.of(key, Buffer.alloc(100, 3));
    assert.ok(large.equals(copy));
  });
});
