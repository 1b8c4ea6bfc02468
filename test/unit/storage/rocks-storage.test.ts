import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { RocksStorage } from '../../../src/storage/rocks/rocks-storage.ts';
import { StorageError, type StorageErrorKind } from '../../../src/storage/storage.ts';
import { describeStorage, pairsOf, put } from '../../contract/storage.ts';
import { TestChild } from '../../helpers/child-process.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../helpers/temporary-directory.ts';
import { batchOf, COUNTER, countIn, GROUPS, KEYS_PER_BATCH, keyOf } from './counted-batches.ts';

const KILLS = 10;
const WRITER = new URL('./batch-writer.child.ts', import.meta.url);

describeStorage('RocksDB', async () => {
  const directory = await temporaryDirectory('rocks');
  const storage = await RocksStorage.open(directory.path);
  return {
    storage,
    close: async () => {
      await storage.close();
      await directory.remove();
    },
  };
});

const ofKind = (kind: StorageErrorKind) => (error: unknown) => {
  assert.ok(error instanceof StorageError, String(error));
  assert.equal(error.kind, kind, error.message);
  return true;
};

describe('RocksStorage', { timeout: 60_000 }, () => {
  let directory: TemporaryDirectory;
  beforeEach(async () => {
    directory = await temporaryDirectory('rocks');
  });
  afterEach(() => directory.remove());

  const filled = async () => {
    const storage = await RocksStorage.open(directory.path);
    const ops = Array.from({ length: 2_000 }, (_, i) => put(`key-${i}`, `value-${i}`.repeat(20)));
    await storage.write(ops, { sync: true });
    await storage.close();
    // Reopening turns the write-ahead log into a table file.
    await (await RocksStorage.open(directory.path)).close();
    const file = (await readdir(directory.path)).find((name) => name.endsWith('.sst'));
    assert.ok(file);
    return join(directory.path, file);
  };

  it('makes missing parents, and finds its data again', async () => {
    const path = join(directory.path, 'a', 'b');
    const first = await RocksStorage.open(path, { writeBufferBytes: 1 << 20, cacheBytes: 1 << 20 });
    await first.write([put('k', 'v')]);
    await first.close();
    const second = await RocksStorage.open(path);
    assert.equal(String((await second.getMany([Buffer.from('k')]))[0]), 'v');
    await second.close();
  });

  it('says that a directory is locked, in this process too', async () => {
    const storage = await RocksStorage.open(directory.path);
    await assert.rejects(RocksStorage.open(directory.path), ofKind('locked'));
    await storage.write([put('k', 'v')]);
    await storage.close();
    await (await RocksStorage.open(directory.path)).close();
  });

  it('refuses sizes that the engine would cut silently', async () => {
    for (const bytes of [2 ** 32, 0, -1, 1.5, Number.NaN]) {
      await assert.rejects(RocksStorage.open(directory.path, { cacheBytes: bytes }), StorageError);
    }
  });

  it('refuses a file in its place', async () => {
    const path = join(directory.path, 'file');
    await writeFile(path, 'no directory');
    await assert.rejects(RocksStorage.open(path), StorageError);
  });

  it('never starts empty over data whose CURRENT file is gone', async () => {
    await filled();
    await rm(join(directory.path, 'CURRENT'));
    await assert.rejects(RocksStorage.open(directory.path), ofKind('corrupt'));
  });

  it('says corrupt where a table file is gone', async () => {
    await rm(await filled());
    await assert.rejects(async () => {
      const storage = await RocksStorage.open(directory.path);
      try {
        await storage.getMany([Buffer.from('key-7')]);
      } finally {
        await storage.close();
      }
    }, ofKind('corrupt'));
  });

  it('never reads a changed value as a right one', async () => {
    const value = randomBytes(3_000);
    const first = await RocksStorage.open(directory.path);
    const others = Array.from({ length: 50 }, (_, i) => put(`c${i}`, randomBytes(3_000)));
    await first.write([put('a', 'fine'), put('b', value), ...others]);
    await first.close();
    await (await RocksStorage.open(directory.path)).close();
    const name = (await readdir(directory.path)).find((each) => each.endsWith('.sst')) ?? '';
    const bytes = await readFile(join(directory.path, name));
    const at = bytes.indexOf(value.subarray(0, 100));
    assert.ok(at > 0);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    await writeFile(join(directory.path, name), bytes);

    const storage = await RocksStorage.open(directory.path);
    await assert.rejects(pairsOf(storage), ofKind('corrupt'));
    await assert.rejects(storage.getMany([Buffer.from('b')]), ofKind('corrupt'));
    const [far] = await storage.getMany([Buffer.from('c40')]);
    assert.equal(far?.length, 3_000);
    await storage.close();
  });

  for (const mode of ['plain', 'sync']) {
    it(`keeps acknowledged ${mode} batches whole over kill -9`, async (t) => {
      let acknowledged = 0;
      for (let round = 0; round < KILLS / 2; round += 1) {
        const child = new TestChild(WRITER, [directory.path, mode]);
        await child.until('the first batch', (lines) => lines.length > 0);
        const killAfterMs = Math.random() * 100;
        await pause(killAfterMs);
        await child.kill();
        acknowledged = Math.max(acknowledged, Number(child.lines.at(-1)));
        t.diagnostic(`killed after ${killAfterMs.toFixed(1)} ms at batch ${acknowledged}`);

        const storage = await RocksStorage.open(directory.path);
        const [stored] = await storage.getMany([COUNTER]);
        const count = countIn(stored);
        assert.ok(count >= acknowledged, `${count} after ${acknowledged} was acknowledged`);
        for (let n = Math.max(1, count - GROUPS + 1); n <= count; n += 1) {
          const keys = Array.from({ length: KEYS_PER_BATCH }, (_, i) => keyOf(n % GROUPS, i));
          const numbers = (await storage.getMany(keys)).map(countIn);
          assert.deepEqual(new Set(numbers), new Set([n]));
        }
        await storage.write(batchOf(count + 1));
        await storage.close();
        acknowledged = count + 1;
      }
    });
  }
});
