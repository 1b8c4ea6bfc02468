import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { KeyRange, Storage, StorageOp, StoragePair } from '../../src/storage/storage.ts';
import { describeStorageMisuse } from './storage-misuse.ts';

const MIB = 1024 * 1024;
const ALL: KeyRange = { gte: Buffer.alloc(0), lt: Buffer.alloc(64, 255) };

export interface StorageUnderTest {
  readonly storage: Storage;
  /** Closes the storage and removes what it left. */
  readonly close: () => Promise<void>;
}

export const put = (key: string | Buffer, value: string | Buffer): StorageOp => ({
  type: 'put',
  key: Buffer.from(key),
  value: Buffer.from(value),
});
const del = (key: string): StorageOp => ({ type: 'del', key: Buffer.from(key) });

export async function pairsOf(storage: Storage, range: KeyRange = ALL): Promise<StoragePair[]> {
  const pairs: StoragePair[] = [];
  for await (const chunk of storage.iterate(range)) pairs.push(...chunk);
  return pairs;
}

async function textOf(storage: Storage, range: KeyRange = ALL): Promise<string> {
  const pairs = await pairsOf(storage, range);
  return pairs.map(([key, value]) => `${key}=${value}`).join(' ');
}

const between = (gte: string, lt: string) => ({ gte: Buffer.from(gte), lt: Buffer.from(lt) });

/** The contract of `Storage`, for every engine. `open` gives an empty one each time. */
export function describeStorage(name: string, open: () => Promise<StorageUnderTest>): void {
  describe(`Storage contract: ${name}`, { timeout: 60_000 }, () => {
    let tried: StorageUnderTest;
    let storage: Storage;
    beforeEach(async () => {
      tried = await open();
      storage = tried.storage;
    });
    afterEach(() => tried.close());

    it('reads what was written, in the order of the keys asked', async () => {
      await storage.write([put('b', '2'), put('a', '1')]);
      const asked = ['a', 'x', 'b', 'a'].map((each) => Buffer.from(each));
      const found = await storage.getMany(asked);
      assert.deepEqual(found.map(String), ['1', 'undefined', '2', '1']);
      assert.deepEqual(await storage.getMany([]), []);
    });

    it('applies the operations of a batch in order', async () => {
      await storage.write([put('a', '1'), del('a'), put('b', '1'), put('b', '2'), del('c')]);
      assert.equal(await textOf(storage), 'b=2');
      await storage.write([]);
      await storage.write([], { sync: true });
      await storage.write([del('b'), put('b', '3')], { sync: true });
      assert.equal(await textOf(storage), 'b=3');
    });

    it('refuses a batch with one bad operation as a whole, and no other', async () => {
      const bad = { type: 'put', key: Buffer.from('k'), value: Buffer.alloc(0) } as const;
      const before = storage.write([put('a', '1')]);
      const refused = storage.write([put('b', '1'), bad]);
      const after = storage.write([put('c', '1')]);
      await assert.rejects(refused, { name: 'StorageError' });
      await Promise.all([before, after]);
      assert.equal(await textOf(storage), 'a=1 c=1');
    });

    it('orders keys by bytes', async () => {
      const keys = [[0], [0, 0], [0, 1], [1], [0x7f], [0x80], [0xc3, 0xa9], [0xff], [0xff, 0]];
      const buffers = keys.map((each) => Buffer.from(each));
      await storage.write([...buffers].reverse().map((key) => put(key, 'v')));
      const found = await pairsOf(storage);
      assert.deepEqual(
        found.map(([key]) => key.toString('hex')),
        buffers.map((key) => key.toString('hex')),
      );
    });

    it('bounds a range below inclusively, above exclusively, both ways, with a limit', async () => {
      await storage.write(['a', 'b', 'c', 'd', 'e'].map((each) => put(each, each)));
      const read = async (range: KeyRange) =>
        (await pairsOf(storage, range)).map(([key]) => String(key)).join('');
      assert.equal(await read(between('b', 'd')), 'bc');
      assert.equal(await read(between('aa', 'dd')), 'bcd');
      assert.equal(await read({ ...between('b', 'e'), reverse: true }), 'dcb');
      assert.equal(await read({ ...between('b', 'zz'), reverse: true, limit: 2 }), 'ed');
      assert.equal(await read({ ...between('a', 'e'), limit: 3 }), 'abc');
      assert.equal(await read({ ...between('a', 'e'), limit: 0 }), '');
      assert.equal(await read(between('d', 'b')), '');
      assert.equal(await read(between('c', 'c')), '');
      assert.equal(await read({ ...between('x', 'z'), reverse: true }), '');
      assert.equal(await read({ gte: Buffer.alloc(0), lt: Buffer.from('c') }), 'ab');
      assert.equal(await read({ gte: Buffer.alloc(0), lt: Buffer.alloc(0) }), '');
    });

    it('gives large ranges whole, in bounded chunks, in both directions', async () => {
      const count = 5_003;
      const key = (i: number) => `k${String(i).padStart(6, '0')}`;
      const order = Array.from({ length: count }, (_, i) => (i * 7) % count);
      await storage.write(order.map((i) => put(key(i), `${i}`)));
      for (const reverse of [false, true]) {
        const seen: string[] = [];
        for await (const chunk of storage.iterate({ ...between('k', 'l'), reverse })) {
          assert.ok(chunk.length > 0 && chunk.length <= 1_000, `${chunk.length} pairs in a chunk`);
          seen.push(...chunk.map(([k]) => String(k)));
        }
        const expected = Array.from({ length: count }, (_, i) => key(i));
        assert.deepEqual(seen, reverse ? expected.reverse() : expected);
      }
    });

    it('iterates over the state as of the call, whatever is written meanwhile', async () => {
      await storage.write(Array.from({ length: 3_000 }, (_, i) => put(`k${10_000 + i}`, 'old')));
      const called = storage.iterate(between('k', 'l'));
      await storage.write([put('k0', 'new'), put('k10001', 'new'), del('k10002')]);
      let count = 0;
      for await (const chunk of called) {
        if (count === 0) await storage.write([put('k12999', 'new'), put('kk', 'new')]);
        count += chunk.length;
        assert.ok(chunk.every(([, value]) => String(value) === 'old'));
      }
      assert.equal(count, 3_000);
    });

    it('lets a loop be left early, by break or by throw', async () => {
      await storage.write(Array.from({ length: 3_000 }, (_, i) => put(`k${i}`, 'v')));
      for (let i = 0; i < 50; i += 1) {
        for await (const chunk of storage.iterate(ALL)) if (chunk.length > 0) break;
        await assert.rejects(async () => {
          for await (const _ of storage.iterate(ALL)) throw new Error('the loop ends');
        }, /the loop ends/);
      }
      const unused = storage.iterate(ALL);
      assert.ok(unused);
    });

    it('clears a range and nothing else', async () => {
      const many = Array.from({ length: 25_000 }, (_, i) => put(`b${i}`, 'v'));
      await storage.write([put('a', '1'), put('c', '1'), ...many]);
      await storage.clear(between('b', 'c'));
      assert.equal(await textOf(storage), 'a=1 c=1');
      await storage.clear(between('b', 'c'));
      await storage.clear(between('c', 'a'));
      await storage.clear({ gte: Buffer.from('a'), lt: Buffer.alloc(0) });
      assert.equal(await textOf(storage), 'a=1 c=1');
      const written = storage.write([put('b', '1')]);
      await storage.clear(between('b', 'c'));
      await written;
      assert.equal(await textOf(storage), 'a=1 c=1');
    });

    it('keeps values of 15 MiB and keys of 8 KiB byte for byte', async () => {
      const [key, value] = [randomBytes(8 * 1024), randomBytes(15 * MIB)];
      await storage.write([put(key, value), put(Buffer.from([0]), Buffer.from([0]))]);
      const [found, zero] = await storage.getMany([key, Buffer.from([0])]);
      assert.ok(found?.equals(value));
      assert.ok(zero?.equals(Buffer.from([0])));
      const pairs = await pairsOf(storage);
      assert.ok(pairs[1]?.[0].equals(key) ?? pairs[0]?.[0].equals(key));
      assert.ok(storage.stats().bytes > 0);
    });

    it('commits batches in the order of the calls', async () => {
      const order: number[] = [];
      await Promise.all(
        Array.from({ length: 300 }, async (_, i) => {
          await storage.write([put('last', `${i}`), put(`k${i}`, 'v')], { sync: i % 50 === 0 });
          order.push(i);
        }),
      );
      assert.deepEqual(
        order,
        [...order].sort((a, b) => a - b),
      );
      const [last] = await storage.getMany([Buffer.from('last')]);
      assert.equal(String(last), '299');
    });

    it('shows a batch wholly or not at all', async () => {
      const keys = ['a', 'm', 'z'].map((each) => Buffer.from(each));
      let writing = true;
      const writer = (async () => {
        for (let i = 0; i < 200; i += 1) await storage.write(keys.map((key) => put(key, `${i}`)));
        writing = false;
      })();
      while (writing) {
        const found = (await storage.getMany(keys)).map(String);
        assert.equal(new Set(found).size, 1, found.join());
        const values = (await pairsOf(storage)).map(([, value]) => String(value));
        assert.ok(new Set(values).size <= 1, values.join());
        await new Promise(setImmediate);
      }
      await writer;
    });

    describeStorageMisuse(() => storage);
  });
}
