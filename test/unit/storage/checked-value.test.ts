import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkedValue, withChecksum } from '../../../src/storage/rocks/checked-value.ts';

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
