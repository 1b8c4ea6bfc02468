import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StorageError } from '../../../src/storage/storage.ts';
import { describeStorage, pairsOf, put } from '../../contract/storage.ts';
import { Random } from '../../simulation/scheduler.ts';
import { SimDisk, SimStorage } from '../../simulation/sim-disk.ts';

/** Real time in which every wait is over at once. */
const hasty = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (_: number, callback: () => void) => {
    const timer = setImmediate(callback);
    return () => clearImmediate(timer);
  },
};

describeStorage('simulated disk', async () => {
  const storage = new SimStorage(new SimDisk(), hasty, new Random(1));
  return { storage, close: () => storage.close() };
});

describe('SimDisk', () => {
  const texts = async (storage: SimStorage) =>
    (await pairsOf(storage)).map(([key, value]) => `${key}=${value}`).join(' ');

  it('loses with the power a suffix of the batches that were not synced, each whole', async () => {
    const left = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      const disk = new SimDisk();
      const storage = new SimStorage(disk, hasty, new Random(seed));
      await storage.write([put('a', '1'), put('b', '1')], { sync: true });
      await storage.write([put('a', '2'), put('c', '2')]);
      await storage.write([put('b', '3'), { type: 'del', key: Buffer.from('c') }]);
      disk.losePower(new Random(seed));
      left.add(await texts(storage));
    }
    assert.deepEqual([...left].sort(), ['a=1 b=1', 'a=2 b=1 c=2', 'a=2 b=3']);
  });

  it('refuses writes once it was full, until it is opened anew', async () => {
    const disk = new SimDisk();
    const storage = new SimStorage(disk, hasty, new Random(1));
    await storage.write([put('a', '1')]);
    disk.full = true;
    await assert.rejects(storage.write([put('a', '2')]), { name: 'StorageError', kind: 'full' });
    assert.equal(await texts(storage), 'a=1');
    disk.full = false;
    await assert.rejects(storage.write([put('a', '3')]), StorageError);
    assert.equal(await texts(storage), 'a=1');
    const anew = await SimStorage.open(disk, hasty, new Random(1));
    await anew.write([put('a', '3')]);
    assert.equal(await texts(anew), 'a=3');
  });

  it('fails reads and writes while it is dying', async () => {
    const disk = new SimDisk();
    const storage = new SimStorage(disk, hasty, new Random(1));
    disk.failing = 1;
    await assert.rejects(storage.write([put('a', '1')]), StorageError);
    await assert.rejects(storage.getMany([Buffer.from('a')]), StorageError);
    await assert.rejects(pairsOf(storage), StorageError);
    disk.failing = 0;
    assert.equal(await texts(storage), '');
  });

  it('tells of a value that has rotted, until it is written again', async () => {
    const disk = new SimDisk();
    const storage = new SimStorage(disk, hasty, new Random(1));
    await storage.write([put('a', '1')]);
    disk.rot(new Random(1));
    await assert.rejects(storage.getMany([Buffer.from('a')]), { kind: 'corrupt' });
    await assert.rejects(pairsOf(storage), { kind: 'corrupt' });
    await storage.write([put('a', '2')]);
    assert.equal(await texts(storage), 'a=2');
  });
});
