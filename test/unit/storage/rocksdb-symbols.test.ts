import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import {
  boundToItself,
  isBoundToItself,
  needsBinding,
  prebuiltBinding,
} from '../../../src/storage/rocks/rocksdb-symbols.ts';

describe('the prebuilt RocksDB binding', () => {
  it('is bound to itself where this Node needs it', () => {
    const file = prebuiltBinding();
    if (file === undefined || !needsBinding()) return;
    assert.equal(isBoundToItself(readFileSync(file)), true);
  });

  it('gains one tag and nothing else', () => {
    const file = prebuiltBinding();
    if (file === undefined) return;
    const elf = readFileSync(file);
    const bound = isBoundToItself(elf) ? elf : boundToItself(elf);
    assert.equal(isBoundToItself(bound), true);
    assert.equal(bound.length, elf.length);
    const changed = bound.filter((byte, i) => byte !== elf[i]).length;
    assert.ok(changed <= 1, `${changed} bytes`);
  });
});
