import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { RocksStorage } from '../../../src/storage/rocks/rocks-storage.ts';
import { TableFile } from '../../../src/storage/rocks/rocks-table-file.ts';
import { RocksTables } from '../../../src/storage/rocks/rocks-tables.ts';
import { unsnap } from '../../../src/storage/rocks/snappy.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../helpers/temporary-directory.ts';

const KEYS = 4_000;
const FLIPS = 400;
const EVERYTHING = { gte: Buffer.from('a'), lt: Buffer.from('z') };

const keyOf = (i: number) => Buffer.from(`key-${String(i).padStart(5, '0')}`);

describe('a table file of the engine', () => {
  let base: TemporaryDirectory;
  let directory = '';
  let path = '';
  let bytes: Buffer;

  before(async () => {
    base = await temporaryDirectory('tables');
    directory = join(base.path, 'db');
    const storage = await RocksStorage.open(directory);
    // Some that compress and some that do not.
    for (let i = 0; i < KEYS; i += 1) {
      const value = i % 2 === 0 ? Buffer.alloc(100, 'v') : randomBytes(100);
      await storage.write([{ type: 'put', key: keyOf(i), value }]);
    }
    await storage.close();
    // The second opening makes a table of the log.
    await (await RocksStorage.open(directory)).close();
    const [name = ''] = (await readdir(directory)).filter((each) => each.endsWith('.sst'));
    path = join(directory, name);
    bytes = await readFile(path);
  });
  after(() => base.remove());

  beforeEach(() => writeFile(path, bytes));

  const damagedAt = async (place: number) => {
    const damaged = Buffer.from(bytes);
    damaged.writeUInt8(damaged.readUInt8(place) ^ 4, place);
    await writeFile(path, damaged);
  };
  const isCorrupt = { name: 'StorageError', kind: 'corrupt' };

  it('is good as the engine has written it', async () => {
    const file = await TableFile.open(path);
    assert.equal(file.allChecked, false);
    await file.check(EVERYTHING);
    assert.equal(file.allChecked, true);
  });

  it('is damaged wherever a bit of a data block is another one', async () => {
    for (let i = 0; i < FLIPS; i += 1) {
      // Filter and index are no half of it.
      await damagedAt(Math.floor((bytes.length / 2 / FLIPS) * i));
      await assert.rejects(async () => (await TableFile.open(path)).check(EVERYTHING), isCorrupt);
    }
  });

  it('is damaged where its index or its footer are', async () => {
    for (let back = 1; back <= 2_000; back += 40) {
      await damagedAt(bytes.length - back);
      const tables = new RocksTables(directory, await readdir(directory));
      const found = await tables.check(EVERYTHING).then(
        () => 'nothing',
        (error) => error.kind,
      );
      // Between index and footer are blocks that say nothing of the data, and room that is not used.
      if (back <= 8 || found !== 'nothing') assert.equal(found, 'corrupt', `${back} from the end`);
    }
  });

  it('is checked where it is read, and a block to either side', async () => {
    await damagedAt(0);
    const file = await TableFile.open(path);
    await file.check({ gte: keyOf(KEYS / 2), lt: keyOf(KEYS) });
    await assert.rejects(file.check({ gte: keyOf(0), lt: keyOf(1) }), isCorrupt);
    await damagedAt(Math.floor(bytes.length / 2));
    await (await TableFile.open(path)).check({ gte: keyOf(0), lt: keyOf(KEYS / 8) });
    const whole = await TableFile.open(path);
    for (let i = 0; i < KEYS; i += 1) {
      const range = { gte: keyOf(i), lt: keyOf(i + 1) };
      await whole.check(range).catch((error) => assert.equal(error.kind, 'corrupt'));
    }
    assert.equal(whole.allChecked, false);
  });

  it('is read in the same way where one key fills many blocks', async () => {
    const other = join(base.path, 'versions');
    const storage = await RocksStorage.open(other, { writeBufferBytes: 64 * 1024 });
    const snapshots: AsyncIterable<unknown>[] = [];
    for (let i = 0; i < 80; i += 1) {
      await storage.write([{ type: 'put', key: keyOf(1), value: randomBytes(3_000) }]);
      // A pass under way needs the version of its time.
      snapshots.push(storage.iterate(EVERYTHING));
    }
    await storage.write([{ type: 'put', key: keyOf(2), value: randomBytes(3_000) }]);
    await storage.close();
    const names = (await readdir(other)).filter((name) => name.endsWith('.sst'));
    const sizes = await Promise.all(
      names.map(async (name) => (await readFile(join(other, name))).length),
    );
    const largest = names[sizes.indexOf(Math.max(...sizes))] ?? '';
    assert.ok(Math.max(...sizes) > 40_000, String(sizes));
    const file = await TableFile.open(join(other, largest));
    await file.check({ gte: keyOf(1), lt: Buffer.concat([keyOf(1), Buffer.of(0)]) });
    assert.equal(file.allChecked, true);
  });

  it('is let go of when the engine has removed it', async () => {
    const tables = new RocksTables(directory, [...(await readdir(directory)), '999999.sst']);
    await tables.check(EVERYTHING);
  });
});

describe('Snappy', () => {
  // 14 bytes: a literal of 3, a copy of 9 from 3 before, a copy of 2 from 1 before.
  const packed = Buffer.from([14, 0x08, 97, 98, 99, 0x15, 3, 0x06, 1, 0]);

  it('gives what was packed: literals, and copies that reach into themselves', () => {
    assert.equal(unsnap(packed)?.toString(), 'abcabcabcabccc');
  });

  it('is nothing where it is cut off or points before its beginning', () => {
    for (let end = 0; end < packed.length; end += 1) {
      assert.equal(unsnap(packed.subarray(0, end)), undefined);
    }
    assert.equal(unsnap(Buffer.from([4, 0, 97, 0x01, 9])), undefined);
    assert.equal(unsnap(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f])), undefined);
  });
});
