import assert from 'node:assert/strict';
import { cp, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { DamagedLog } from '../../../src/storage/rocks/rocks-logs.ts';
import { RocksStorage } from '../../../src/storage/rocks/rocks-storage.ts';
import { StorageError } from '../../../src/storage/storage.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../helpers/temporary-directory.ts';
import { SMALL, StorageHistory } from './storage-history.ts';

const CUTS = 16;
const FLIPS = 32;
const HOLES = 4;
const HOLE_BYTES = 4096;
/** The engine cuts its logs into blocks: a batch may lie in two. */
const LOG_BLOCK_BYTES = 32 * 1024;
/** Files that hold nothing: whatever happens to them, the data are there. */
const WITHOUT_DATA = /^(IDENTITY|OPTIONS-)/;

type Outcome = 'all' | 'prefix' | 'detected';
type Damage = (file: string) => Promise<void>;

/** Each file of a database damaged in every way, one at a time: never a wrong value, never a missing key. */
describe('a damaged RocksDB', { timeout: 120_000 }, () => {
  const history = new StorageHistory();
  let base: TemporaryDirectory;
  let source = '';
  let copy = '';
  before(async () => {
    base = await temporaryDirectory('damage');
    source = join(base.path, 'source');
    copy = join(base.path, 'copy');
    await history.write(source);
  });
  after(() => base.remove());

  const outcome = async (
    name: string,
    damagedLog: DamagedLog,
    damage: Damage,
  ): Promise<Outcome> => {
    await rm(copy, { recursive: true, force: true });
    await cp(source, copy, { recursive: true });
    await damage(join(copy, name));
    const isDetected = (error: unknown): Outcome => {
      if (!(error instanceof StorageError)) throw error;
      assert.equal(error.kind, 'corrupt', error.message);
      return 'detected';
    };
    const opened = await RocksStorage.open(copy, { ...SMALL, damagedLog }).catch(isDetected);
    if (opened === 'detected' || typeof opened === 'string') return 'detected';
    try {
      return await history.read(opened).catch(isDetected);
    } finally {
      await opened.close();
    }
  };
  const files = async (form: RegExp) => (await readdir(source)).filter((name) => form.test(name));
  const sizeOf = async (name: string) => (await readFile(join(source, name))).length;

  const flip = (place: number, bit: number) => (path: string) =>
    changed(path, (bytes) => bytes.writeUInt8(bytes.readUInt8(place) ^ (1 << bit), place));
  const hole = (from: number) => (path: string) =>
    changed(path, (bytes) => bytes.fill(0, from, from + HOLE_BYTES));
  const changed = async (path: string, change: (bytes: Buffer) => unknown) => {
    const bytes = await readFile(path);
    change(bytes);
    await writeFile(path, bytes);
  };
  const replacedByFolder = async (path: string) => {
    await rm(path);
    await mkdir(path);
  };

  /** What became of a file in each way of damaging it, and how often. */
  const sweep = async (t: { diagnostic(line: string): void }, form: RegExp, mode: DamagedLog) => {
    const tally = new Map<string, number>();
    const seen = async (name: string, kind: string, damage: Damage) => {
      const found = await outcome(name, mode, damage);
      const line = `${kind}: ${found}`;
      tally.set(line, (tally.get(line) ?? 0) + 1);
      return found;
    };
    const outcomes: { kind: string; name: string; found: Outcome }[] = [];
    for (const name of await files(form)) {
      const size = await sizeOf(name);
      const note = async (kind: string, damage: Damage) =>
        outcomes.push({ kind, name, found: await seen(name, kind, damage) });
      await note('missing', (path) => rm(path));
      await note('unreadable', replacedByFolder);
      for (let i = 0; i < CUTS && size > 0; i += 1) {
        await note('cut', (path) => truncate(path, Math.floor((size * i) / CUTS)));
      }
      for (let i = 0; i < FLIPS && size > 0; i += 1) {
        await note('flipped', flip(Math.floor((size * i) / FLIPS), i % 8));
      }
      for (let i = 0; i < HOLES && size > HOLE_BYTES; i += 1) {
        await note('hole', hole(Math.floor(((size - HOLE_BYTES) * i) / HOLES)));
      }
    }
    for (const [line, count] of [...tally].sort()) t.diagnostic(`${count} × ${line}`);
    assert.ok(outcomes.length > 0);
    return outcomes;
  };

  it('reads everything where nothing is damaged', async () => {
    assert.equal(await outcome('CURRENT', 'cut', async () => {}), 'all');
    assert.equal(await outcome('CURRENT', 'refuse', async () => {}), 'all');
    assert.ok((await files(/\.sst$/)).length > 0);
  });

  it('detects a damaged table file, at the latest when the place is read', async (t) => {
    for (const { kind, found } of await sweep(t, /\.sst$/, 'cut')) {
      if (kind === 'flipped') assert.notEqual(found, 'prefix');
      else assert.equal(found, 'detected', kind);
    }
  });

  it('detects a damaged CURRENT', async (t) => {
    for (const { kind, found } of await sweep(t, /^CURRENT$/, 'cut')) {
      assert.equal(found, 'detected', kind);
    }
  });

  it('never goes on without table files that a manifest has forgotten', async (t) => {
    const [name = ''] = await files(/^MANIFEST-/);
    const tally = new Map<Outcome, number>();
    for (let bytes = 0; bytes < (await sizeOf(name)); bytes += 3) {
      const found = await outcome(name, 'cut', (path) => truncate(path, bytes));
      tally.set(found, (tally.get(found) ?? 0) + 1);
    }
    t.diagnostic(JSON.stringify([...tally]));
    for (const { kind, found } of await sweep(t, /^MANIFEST-/, 'cut')) {
      if (kind !== 'cut') assert.equal(found, 'detected', kind);
    }
  });

  it('refuses what an opening had stored when the manifest has lost it', async (t) => {
    const written = source;
    source = join(base.path, 'opened');
    await cp(written, source, { recursive: true });
    try {
      // An opening moves the log into a table: nothing but the manifest says so.
      await (await RocksStorage.open(source, SMALL)).close();
      for (const { kind, name, found } of await sweep(t, /^MANIFEST-/, 'refuse')) {
        assert.notEqual(found, 'prefix', `${name} ${kind}`);
      }
    } finally {
      source = written;
    }
  });

  it('cuts a damaged write-ahead log to the batches before the damage', async (t) => {
    for (const { kind, found } of await sweep(t, /\.log$/, 'cut')) {
      assert.equal(found, kind === 'unreadable' ? 'detected' : 'prefix', kind);
    }
  });

  it('refuses a log that was synced beyond the damage, and takes one that is torn at its end', async (t) => {
    const outcomes = await sweep(t, /\.log$/, 'refuse');
    for (const { kind, found } of outcomes) {
      if (kind === 'cut') assert.equal(found, 'prefix');
      if (kind === 'missing' || kind === 'unreadable') assert.equal(found, 'detected');
    }
    const flipped = outcomes.filter(({ kind }) => kind === 'flipped');
    const last = flipped.at(-1);
    for (const each of flipped) if (each !== last) assert.equal(each.found, 'detected');
  });

  it('refuses a log whose damage lies where a batch goes on in the next block', async () => {
    const [name = ''] = await files(/\.log$/);
    assert.ok((await sizeOf(name)) > LOG_BLOCK_BYTES);
    for (const place of [0, 4, 6, 7]) {
      assert.equal(await outcome(name, 'refuse', flip(LOG_BLOCK_BYTES + place, 0)), 'detected');
    }
  });

  it('does not touch the log that it refuses', async () => {
    const [name = ''] = await files(/\.log$/);
    const bytes = await readFile(join(source, name));
    bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
    assert.equal(await outcome(name, 'refuse', (path) => writeFile(path, bytes)), 'detected');
    assert.ok(bytes.equals(await readFile(join(copy, name))));
  });

  it('needs none of the files that hold no data', async (t) => {
    for (const { kind, found } of await sweep(t, WITHOUT_DATA, 'cut')) {
      if (kind !== 'unreadable') assert.equal(found, 'all', kind);
    }
  });
});
