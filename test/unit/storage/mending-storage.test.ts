import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { MendingStorage } from '../../../src/storage/mending-storage.ts';
import { RocksStorage } from '../../../src/storage/rocks/rocks-storage.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { describeStorage } from '../../contract/storage.ts';
import { TestChild } from '../../helpers/child-process.ts';
import { silentLogger } from '../../helpers/silent-logger.ts';
import { SmallDisk } from '../../helpers/small-disk.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';

const ROUNDS = 4;
const WRITER = new URL('./full-disk.child.ts', import.meta.url);

describeStorage('RocksDB that is mended', async () => {
  const directory = await temporaryDirectory('mended');
  const storage = await MendingStorage.open({
    open: () => RocksStorage.open(directory.path, { damagedLog: 'refuse' }),
    room: async () => {},
    onFault: () => {},
    onCorrupt: () => {},
    clock: systemClock,
    logger: silentLogger,
  });
  return {
    storage,
    close: async () => {
      await storage.close();
      await directory.remove();
    },
  };
});

const canMount = process.platform === 'linux' && process.getuid?.() === 0;

describe('a full disk', { timeout: 90_000, skip: !canMount && 'may not mount' }, () => {
  let disk: SmallDisk;
  before(async () => {
    disk = await SmallDisk.make();
  });
  after(() => disk.remove());

  const start = (path: string, task = 'write') => new TestChild(WRITER, [path, task], disk.within);
  const numbers = (lines: readonly string[], word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => Number(line.split(' ')[1]));
  const written = async (child: TestChild, more: number) => {
    const before = numbers(child.lines, 'ok').length;
    const enough = (lines: readonly string[]) => numbers(lines, 'ok').length >= before + more;
    await child.until(`${more} batches`, enough);
  };
  const untilFull = async (child: TestChild) => {
    const from = child.lines.length;
    await disk.fill();
    await child.until('the disk is full', (lines) =>
      lines.slice(from).some((line) => /^failed \d+ full/.test(line)),
    );
  };
  /**
   * All that was acknowledged is there, and nothing else but what was under way when the child was
   * killed: told as failed since the disk was last full, or not told at all.
   */
  const requireAll = async (path: string, { lines }: TestChild, killed: boolean) => {
    const child = start(path, 'check');
    assert.equal(await child.exit(), 0);
    assert.equal(child.lines.at(-1), 'checked');
    assert.deepEqual(numbers(child.lines, 'wrong'), []);
    const there = new Set(numbers(child.lines, 'there'));
    const missing = numbers(lines, 'ok').filter((n) => !there.has(n));
    assert.deepEqual(missing, [], 'acknowledged and missing');
    for (const n of numbers(lines, 'ok')) there.delete(n);
    const mended = killed ? lines.lastIndexOf('works') + 1 : lines.length;
    const failed = numbers(lines.slice(0, mended), 'failed');
    const returned = failed.filter((n) => there.has(n));
    assert.deepEqual(returned, [], 'told as failed, and there');
    assert.ok(killed || there.size === 0, `nobody was told of ${[...there]}`);
  };

  it('takes no writes, answers reads, and goes on by itself with nothing lost, over a kill -9', async () => {
    const path = join(disk.folder, 'killed');
    const child = start(path);
    await written(child, 20);
    for (let round = 0; round < ROUNDS; round += 1) {
      await untilFull(child);
      await disk.free();
      await written(child, 20);
    }
    await child.kill();
    for (const line of child.lines.filter((each) => each.startsWith('failed'))) {
      assert.match(line, /^failed \d+ full, read value 1$/);
    }
    assert.deepEqual(
      child.lines.filter((line) => /^(fault|works|corrupt)/.test(line)),
      Array.from({ length: ROUNDS }, () => ['fault full', 'works']).flat(),
    );
    await requireAll(path, child, true);
  });

  it('loses nothing when it is closed, or killed, while the disk is full', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const path = join(disk.folder, signal);
      const child = start(path);
      await written(child, 20);
      await untilFull(child);
      await child.kill(signal);
      await disk.free();
      await requireAll(path, child, signal === 'SIGKILL');
    }
  });
});
