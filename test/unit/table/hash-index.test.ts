import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HashIndex, NOWHERE } from '../../../src/table/hash-index.ts';
import { Random } from '../../simulation/scheduler.ts';

const locationsOf = (index: HashIndex, hash: number): number[] => {
  const found: number[] = [];
  for (let at = index.first(hash); at !== NOWHERE; at = index.next()) found.push(at);
  return found.sort((a, b) => a - b);
};

describe('the hash index', () => {
  it('finds all locations of a hash through growth, splits and removals', () => {
    const index = new HashIndex();
    const model = new Map<number, number>();
    const random = new Random(17).next;
    for (let location = 1; location <= 120_000; location++) {
      const hash = (random() * 2 ** 32) | 0;
      index.add(hash, location);
      model.set(location, hash);
      if (location % 3 !== 0) continue;
      const gone = Math.ceil(random() * location);
      const former = model.get(gone);
      if (former === undefined) continue;
      index.at(former, gone);
      index.remove();
      model.delete(gone);
    }
    assert.equal(index.count, model.size);
    for (const [location, hash] of model) {
      assert.ok(locationsOf(index, hash).includes(location), `${location}`);
    }
  });

  it('keeps equal hashes apart by location, also beyond a shard', () => {
    const index = new HashIndex();
    for (let location = 1; location <= 9_000; location++) index.add(5, location);
    index.add(6, 9_001);
    assert.equal(locationsOf(index, 5).length, 9_000);
    assert.deepEqual(locationsOf(index, 6), [9_001]);
    index.at(5, 4_500);
    index.replace(-4_500);
    assert.ok(locationsOf(index, 5).includes(-4_500));
    assert.ok(!locationsOf(index, 5).includes(4_500));
    assert.ok(index.bytes < 9_000 * 60, `${index.bytes} bytes`);
  });

  it('closes the gap of a removal, around the end of the cells too', () => {
    const index = new HashIndex();
    // All of these want the last of 16 cells.
    const hashes = [0xf0000000 | 0, 0xf0000001 | 0, 0xf0000002 | 0, 0xf0000003 | 0];
    for (const [i, hash] of hashes.entries()) index.add(hash, i + 1);
    index.at(hashes[0] ?? 0, 1);
    index.remove();
    for (const [i, hash] of hashes.entries()) {
      assert.deepEqual(locationsOf(index, hash), i === 0 ? [] : [i + 1]);
    }
    assert.equal(index.count, 3);
  });

  it('tells before it takes memory', () => {
    const index = new HashIndex();
    const random = new Random(3).next;
    for (let location = 1; location <= 100_000; location++) {
      const hash = (random() * 2 ** 32) | 0;
      const [before, told] = [index.bytes, index.growthBytes(hash)];
      index.add(hash, location);
      assert.ok(index.bytes - before <= told, `${index.bytes - before} > ${told}`);
    }
    assert.ok(index.bytes < 100_000 * 25, `${index.bytes}`);
  });
});
