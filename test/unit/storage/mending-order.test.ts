import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { MemoryStorage } from '../../../src/storage/memory-storage.ts';
import { MendingStorage } from '../../../src/storage/mending-storage.ts';
import { type Storage, StorageError, UntriedError } from '../../../src/storage/storage.ts';
import { pairsOf, put } from '../../contract/storage.ts';
import { eventually } from '../../helpers/eventually.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';
import { silentLogger } from '../../helpers/silent-logger.ts';

/** An engine that fails for a moment and then takes writes again, as some do: the order must hold all the same. */
describe('a storage that mends itself', () => {
  let clock: ManualClock;
  let engine: Storage;
  let fails: StorageError | undefined;
  let storage: MendingStorage;
  let faults: (string | undefined)[];
  let corrupt: StorageError[];

  beforeEach(async () => {
    clock = new ManualClock();
    const memory = new MemoryStorage();
    [fails, faults, corrupt] = [undefined, [], []];
    const failing = <T>(work: () => Promise<T>) => (fails ? Promise.reject(fails) : work());
    engine = {
      write: (ops) => failing(() => memory.write(ops)),
      getMany: (keys) => failing(() => memory.getMany(keys)),
      iterate: (range) => memory.iterate(range),
      clear: (range) => failing(() => memory.clear(range)),
      stats: () => memory.stats(),
      close: async () => {},
    };
    storage = await MendingStorage.open({
      open: async () => engine,
      room: async () => {},
      onFault: (fault) => faults.push(fault?.message),
      onCorrupt: (error) => corrupt.push(error),
      clock,
      logger: silentLogger,
    });
  });

  const texts = async () => (await pairsOf(storage)).map(([, value]) => value.toString());

  it('takes no write whose predecessor failed, until it was opened anew', async () => {
    await storage.write([put('a', '1')]);
    fails = new StorageError('no space left', undefined, 'full');
    await assert.rejects(storage.write([put('a', '2')]), fails);
    fails = undefined;
    await assert.rejects(storage.write([put('a', '3')]), UntriedError);
    const all = { gte: Buffer.from('a'), lt: Buffer.from('z') };
    await assert.rejects(storage.clear(all), UntriedError);
    assert.deepEqual(await texts(), ['1']);
    assert.deepEqual(faults, ['no space left']);
    clock.advance(1_000);
    await eventually('it works again', () => faults.length === 2);
    await storage.write([put('a', '4')]);
    assert.deepEqual(await texts(), ['4']);
    assert.deepEqual(faults, ['no space left', undefined]);
  });

  it('tells of damage, whoever meets it, and does not try to mend it', async () => {
    fails = new StorageError('a checksum differs', undefined, 'corrupt');
    await assert.rejects(storage.getMany([Buffer.from('a')]), fails);
    await assert.rejects(storage.write([put('a', '1')]), fails);
    assert.deepEqual(corrupt, [fails, fails]);
    assert.deepEqual([faults, clock.waiting], [[], 0]);
  });
});
