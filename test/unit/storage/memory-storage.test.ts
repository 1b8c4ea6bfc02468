import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MemoryStorage } from '../../../src/storage/memory-storage.ts';
import { SortedKeys } from '../../../src/storage/sorted-keys.ts';
import { describeStorage, put } from '../../contract/storage.ts';

describeStorage('memory', async () => {
  const storage = new MemoryStorage();
  return { storage, close: () => storage.close() };
});

describe('MemoryStorage', () => {
  it('does not keep the buffers of its caller', async () => {
    const storage = new MemoryStorage();
    const op = put('k', 'before');
    await storage.write([op]);
    if (op.type === 'put') op.value.write('AFTER!');
    assert.equal(String((await storage.getMany([Buffer.from('k')]))[0]), 'before');
  });

  it('counts the bytes that it holds', async () => {
    const storage = new MemoryStorage();
    await storage.write([put('key', 'value'), put('key', 'v'), put('other', '1')]);
    assert.equal(storage.stats().bytes, 10);
    await storage.clear({ gte: Buffer.from('a'), lt: Buffer.from('z') });
    assert.equal(storage.stats().bytes, 0);
  });
});

describe('SortedKeys', () => {
  it('holds the same keys in the same order as a sorted array', () => {
    const key = fc.integer({ min: 0, max: 3_000 }).map((i) => `k${i}`);
    const step = fc.record({ key, add: fc.integer({ min: 0, max: 3 }) });
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 4_000, size: 'max' }),
        key,
        key,
        fc.boolean(),
        (steps, gte, lt, reverse) => {
          const [keys, model] = [new SortedKeys(), new Set<string>()];
          for (const each of steps) {
            if (each.add > 0) {
              keys.add(each.key);
              model.add(each.key);
            } else {
              keys.delete(each.key);
              model.delete(each.key);
            }
          }
          const expected = [...model].filter((k) => k >= gte && k < lt).sort();
          if (reverse) expected.reverse();
          assert.deepEqual([...keys.range(gte, lt, reverse)], expected);
          assert.deepEqual([...keys.range('', 'z', false)], [...model].sort());
        },
      ),
      { numRuns: 60 },
    );
  });

  it('takes keys in rising and in falling order', () => {
    const names = Array.from({ length: 5_000 }, (_, i) => String(i).padStart(5, '0'));
    const [rising, falling] = [new SortedKeys(), new SortedKeys()];
    for (const each of names) rising.add(each);
    for (const each of [...names].reverse()) falling.add(each);
    assert.deepEqual([...rising.range('', 'x', false)], names);
    assert.deepEqual([...falling.range('', 'x', true)], [...names].reverse());
  });
});
