import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { deferred } from '../../../src/async.ts';
import { RocksStorage } from '../../../src/storage/rocks/rocks-storage.ts';
import { checkTable } from '../../../src/storage/rocks/rocks-table-file.ts';
import { RocksTables } from '../../../src/storage/rocks/rocks-tables.ts';
import { unsnap } from '../../../src/storage/rocks/snappy.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../helpers/temporary-directory.ts';

const KEYS = 4_000;
const FLIPS = 400;
const EVERYTHING = { gte: Buffer.from('a'), lt: Buffer.from('z') };

const isCorrupt = { name: 'StorageError', kind: 'corrupt' };
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
  it('is good as the engine has written it', () => checkTable(path, async () => {}));

  it('is damaged wherever a bit of a data block is another one', async () => {
    for (let i = 0; i < FLIPS; i += 1) {
      // Filter and index are no half of it.
      await damagedAt(Math.floor((bytes.length / 2 / FLIPS) * i));
      await assert.rejects(
        checkTable(path, async () => {}),
        isCorrupt,
      );
    }
  });

  it('is damaged where its index or its footer are', async () => {
    let damaged = 0;
    for (let back = 1; back <= 2_000; back += 40) {
      await damagedAt(bytes.length - back);
      const found = await checkTable(path, async () => {}).then(
        () => 'nothing',
        (error) => error.kind,
      );
      if (found !== 'nothing') {
        assert.equal(found, 'corrupt', `${back} from the end`);
        damaged += 1;
      }
    }
    // Between index and footer are blocks that say nothing of the data, and room that is not used.
    assert.ok(damaged > 5, `${damaged}`);
  });

  it('is good where one key fills many blocks', async () => {
    const other = join(base.path, 'versions');
    const storage = await RocksStorage.open(other, { writeBufferBytes: 64 * 1024 });
    for (let i = 0; i < 80; i += 1) {
      await storage.write([{ type: 'put', key: keyOf(1), value: randomBytes(3_000) }]);
      // A pass under way needs the version of its time.
      storage.iterate(EVERYTHING);
    }
    await storage.close();
    const names = (await readdir(other)).filter((name) => name.endsWith('.sst'));
    assert.ok(names.length > 0);
    for (const name of names) await checkTable(join(other, name), async () => {});
  });

  it('is checked until it may not go on', async () => {
    let pieces = 0;
    const stop = new Error('enough');
    const goOn = () => {
      pieces += 1;
      throw stop;
    };
    await assert.rejects(checkTable(path, goOn), stop);
    assert.equal(pieces, 1);
  });
});

describe('the tables of a database', () => {
  it('are checked once, and those that the engine has removed not at all', async (t) => {
    const base = await temporaryDirectory('tables');
    t.after(() => base.remove());
    const storage = await RocksStorage.open(base.path, { writeBufferBytes: 64 * 1024 });
    for (let i = 0; i < 2_000; i += 1) {
      await storage.write([{ type: 'put', key: keyOf(i), value: randomBytes(100) }]);
    }
    await storage.close();
    await writeFile(join(base.path, 'copy.sst'), 'none of the engine’s');
    const names = await readdir(base.path);
    const [name = ''] = names.filter((each) => /^\d+\.sst$/.test(each));
    const tables = new RocksTables(base.path, [...names, '999999.sst']);
    await tables.checked(async () => {});
    await writeFile(join(base.path, name), 'damaged');
    await tables.checked(async () => {});
    const anew = new RocksTables(base.path, names);
    await assert.rejects(
      anew.checked(async () => {}),
      isCorrupt,
    );
  });

  it('are checked at the pace of who asks, until somebody is in a hurry', async (t) => {
    const base = await temporaryDirectory('tables');
    t.after(() => base.remove());
    const first = await RocksStorage.open(base.path);
    const value = randomBytes(1_000);
    for (let i = 0; i < 2_000; i += 1) {
      await first.write([{ type: 'put', key: keyOf(i), value }]);
    }
    await first.close();
    await (await RocksStorage.open(base.path)).close();
    const storage = await RocksStorage.open(base.path);
    t.after(() => storage.close());
    let pauses = 0;
    const begun = deferred<void>();
    const hurried = deferred<void>();
    const pace = () => {
      pauses += 1;
      begun.resolve();
      return hurried.promise;
    };
    const paced = storage
      .iterate({ ...EVERYTHING, pace })
      [Symbol.asyncIterator]()
      .next();
    await begun.promise;
    const urgent = storage.iterate(EVERYTHING)[Symbol.asyncIterator]().next();
    hurried.resolve();
    for (const chunk of await Promise.all([paced, urgent])) assert.ok(chunk.done !== true);
    assert.equal(pauses, 1, 'all pieces but the first are checked without a pause');
  });

  it('are not damaged because a file cannot be opened for another reason', async (t) => {
    const base = await temporaryDirectory('tables');
    t.after(() => base.remove());
    await symlink('000001.sst', join(base.path, '000001.sst'));
    const tables = new RocksTables(base.path, ['000001.sst']);
    await assert.rejects(
      tables.checked(async () => {}),
      { code: 'ELOOP' },
    );
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
