import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ExitError } from '../../../src/errors.ts';
import { DataDirectory, type DataDirectoryOptions } from '../../../src/storage/data-directory.ts';
import { TestChild } from '../../helpers/child-process.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../helpers/temporary-directory.ts';

const HOLDER = new URL('./directory-holder.child.ts', import.meta.url);

const refusedWith = (code: 1 | 2, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ExitError, String(error));
  assert.match(error.message, text);
  assert.equal(error.exitCode, code);
  return true;
};

describe('DataDirectory', { timeout: 60_000 }, () => {
  let temporary: TemporaryDirectory;
  let path: string;
  const options = (others: Partial<DataDirectoryOptions> = {}): DataDirectoryOptions => ({
    storage: 'standalone',
    codec: 'raw',
    ...others,
  });
  const opened = (others: Partial<DataDirectoryOptions> = {}) =>
    DataDirectory.open(path, options(others));

  beforeEach(async () => {
    temporary = await temporaryDirectory('data');
    path = join(temporary.path, 'a', 'data');
  });
  afterEach(() => temporary.remove());

  it('makes the directory and keeps the instance id and the node id', async () => {
    const first = await opened();
    assert.equal(first.nodeId, undefined);
    await first.setNodeId('10.0.0.1:8082');
    await first.setNodeId('10.0.0.1:8082');
    await first.close();
    await first.close();

    const second = await opened();
    assert.equal(second.instance, first.instance);
    assert.equal(second.nodeId, '10.0.0.1:8082');
    await assert.rejects(second.setNodeId('other:1'), refusedWith(2, /10\.0\.0\.1:8082.*other:1/));
    await second.close();
    const stored: unknown = JSON.parse(await readFile(join(path, 'node.json'), 'utf8'));
    assert.deepEqual(stored, {
      format: 1,
      instance: first.instance,
      id: '10.0.0.1:8082',
      codec: 'raw',
      storage: 'standalone',
    });
  });

  it('names places inside itself', async () => {
    const directory = await opened();
    assert.equal(directory.tablePath, join(path, 'table'));
    assert.equal(directory.logPath, join(path, 'log'));
    assert.equal(directory.lostPath('0-12.ndjson'), join(path, 'lost-0-12.ndjson'));
    assert.equal(directory.lostPath('../../etc/x'), join(path, 'lost-.._.._etc_x'));
    await directory.close();
  });

  it('refuses another node id, codec or storage, and names the remedy', async () => {
    await (await opened({ nodeId: 'a:1' })).close();
    await assert.rejects(opened({ nodeId: 'b:1' }), refusedWith(2, /NODE_ID=a:1/));
    await assert.rejects(opened({ codec: 'avro' }), refusedWith(2, /CODEC=raw/));
    await assert.rejects(opened({ storage: 'distributed' }), refusedWith(2, /STORAGE=standalone/));
    const again = await opened({ nodeId: 'a:1' });
    assert.equal(again.nodeId, 'a:1');
    await again.close();
  });

  it('refuses a directory of somebody else and leaves it as it is', async () => {
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'thesis.txt'), 'the only copy');
    await assert.rejects(opened(), refusedWith(2, /thesis\.txt.*DATA_DIR/));
    assert.deepEqual(await readdir(path), ['thesis.txt']);
  });

  it('takes an empty directory, a mount point, and a first start that was cut short', async () => {
    await mkdir(join(path, 'lost+found'), { recursive: true });
    await writeFile(join(path, '.keep'), '');
    const first = await opened();
    await first.close();
    await rm(join(path, 'node.json'));
    await writeFile(join(path, 'node.json.tmp'), '{"form');
    const second = await opened();
    assert.notEqual(second.instance, first.instance);
    await second.close();
  });

  it('refuses data without its node.json', async () => {
    const first = await opened();
    await mkdir(first.tablePath);
    await first.close();
    await rm(join(path, 'node.json'));
    await assert.rejects(opened(), refusedWith(2, /node\.json is gone/));
  });

  it('refuses a node.json that it cannot understand', async () => {
    await (await opened()).close();
    const file = join(path, 'node.json');
    const facts = { format: 1, instance: 'i', codec: 'raw', storage: 'standalone' };
    const bad = ['', '{', 'null', '[]', '{"format":1}', JSON.stringify({ ...facts, instance: 7 })];
    for (const text of [...bad, JSON.stringify({ ...facts, id: '' })]) {
      await writeFile(file, text);
      await assert.rejects(opened(), refusedWith(2, /node\.json.*restore/), text);
    }
    await writeFile(file, JSON.stringify({ ...facts, format: 2 }));
    await assert.rejects(opened(), refusedWith(2, /format is 2/));
    await writeFile(file, JSON.stringify(facts));
    await (await opened()).close();
  });

  it('refuses a file in its place or above it', async () => {
    const file = join(temporary.path, 'file');
    await writeFile(file, '');
    await assert.rejects(DataDirectory.open(file, options()), refusedWith(2, /DATA_DIR/));
    const below = join(file, 'data');
    await assert.rejects(DataDirectory.open(below, options()), refusedWith(2, /DATA_DIR/));
  });

  it('refuses a directory that may not be written', async () => {
    // Root may write everywhere but into what the kernel makes up.
    const root = process.getuid?.() === 0;
    const place = root ? '/sys/bitacora' : path;
    if (!root) {
      await mkdir(path, { recursive: true });
      await chmod(path, 0o500);
    }
    await assert.rejects(DataDirectory.open(place, options()), refusedWith(2, /DATA_DIR/));
  });

  it('makes a damaged lock anew, and never under who holds it', async () => {
    const first = await opened();
    await first.close();
    for (const [name, text] of [
      ['CURRENT', 'nonsense\n'],
      ['000099.log', 'nonsense'],
    ] as const) {
      await writeFile(join(path, 'lock', name), text);
      const second = await opened();
      assert.equal(second.instance, first.instance);
      await rm(join(path, 'lock', 'CURRENT'));
      await writeFile(join(path, 'lock', '000098.log'), 'nonsense');
      await assert.rejects(opened(), refusedWith(2, /in use by process \d+/));
      await second.close();
    }
  });

  it('keeps one damaged table, the last', async () => {
    const directory = await opened();
    for (const text of ['one', 'two', 'three']) {
      await mkdir(directory.tablePath);
      await writeFile(join(directory.tablePath, 'file'), text);
      await directory.setAsideCorrupt();
    }
    const kept = (await readdir(path)).filter((name) => name.startsWith('table'));
    assert.equal(kept.length, 1);
    assert.match(kept[0] ?? '', /^table\.corrupt-\d+$/);
    assert.equal(await readFile(join(path, kept[0] ?? '', 'file'), 'utf8'), 'three');
    await directory.close();
    await rm(join(path, 'node.json'));
    await (await opened()).close();
  });

  it('sets the table aside, as often as asked, without losing it', async () => {
    const directory = await opened();
    const folders: string[] = [];
    for (const text of ['one', 'two']) {
      await mkdir(directory.tablePath);
      await writeFile(join(directory.tablePath, 'file'), text);
      folders.push(await directory.setAside());
    }
    assert.deepEqual(folders, [join(path, 'set-aside-1'), join(path, 'set-aside-2')]);
    assert.equal(await readFile(join(path, 'set-aside-1', 'file'), 'utf8'), 'one');
    assert.ok(!(await readdir(path)).includes('table'));
    await directory.close();
    await rm(join(path, 'node.json'));
    await (await opened()).close();
  });

  it('saves lost entries, each time to a file of their own', async () => {
    const directory = await opened();
    const entry = { kind: 'live', offset: 7, timestamp: 1_000, value: Buffer.from('é') } as const;
    async function* entries() {
      yield { key: 'a', entry };
      yield { key: 'b', entry: { ...entry, offset: 8, value: Buffer.from([0xff]) } };
      yield { key: 'c', entry: { ...entry, kind: 'marker', value: Buffer.alloc(0) } as const };
    }
    const file = await directory.saveLost(3, entries());
    assert.equal(file, join(path, 'lost-3-1.ndjson'));
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    const common = { partition: 3, kind: 'live', timestamp: 1_000 };
    assert.deepEqual(
      lines.map((line): unknown => JSON.parse(line)),
      [
        { key: 'a', ...common, offset: 7, value: 'é' },
        { key: 'b', ...common, offset: 8, value: '/w==', encoding: 'base64' },
        { key: 'c', ...common, kind: 'marker', offset: 7 },
      ],
    );
    assert.equal(await directory.saveLost(3, entries()), join(path, 'lost-3-2.ndjson'));
    async function* none() {}
    assert.equal(await directory.saveLost(4, none()), undefined);
    assert.ok(!(await readdir(path)).some((name) => name.startsWith('lost-4')));
    await directory.close();
  });

  it('is held once in this process', async () => {
    const first = await opened();
    const reason = new RegExp(`data is in use by process ${process.pid}`);
    await assert.rejects(opened(), refusedWith(2, reason));
    await first.close();
    await (await opened()).close();
  });

  it('is held by one of several processes, and free once that one is killed', async () => {
    const children = [1, 2, 3].map(() => new TestChild(HOLDER, [path]));
    await Promise.all(children.map((each) => each.until('a word', (lines) => lines.length > 0)));
    const holders = children.filter((each) => each.lines[0]?.startsWith('held'));
    assert.equal(holders.length, 1, JSON.stringify(children.map((each) => each.lines)));
    const holder = holders[0]!;
    await assert.rejects(opened(), refusedWith(2, new RegExp(`in use by process ${holder.pid}:`)));
    await holder.kill();
    const after = await opened();
    assert.equal(`held ${after.instance}`, holder.lines[0]);
    await after.close();
    await Promise.all(children.map((each) => each.exit()));
  });
});
