import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { StoragePair } from '../../../src/storage/storage.ts';
import { Entries, UNKNOWN } from '../../../src/table/entries.ts';
import { keyedHash } from '../../../src/table/key-hash.ts';
import { SegmentEntryCache } from '../../../src/table/segment-entry-cache.ts';
import { encodeEntry } from '../../../src/table/stored-entry.ts';
import { Table } from '../../../src/table/table.ts';
import { entryKey } from '../../../src/table/table-keys.ts';
import { WarmUp } from '../../../src/table/warm-up.ts';
import { eventually } from '../../helpers/eventually.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';
import { ObservedStorage } from '../../helpers/observed-storage.ts';
import { silentLogger } from '../../helpers/silent-logger.ts';

const PARTITIONS = 2;
const KEYS = 2_500;
const IDENTITY = { clusterId: 'c', topicId: 't', topic: 'n', codec: 'raw', applyVersion: 1 };

function stored(value: string, offset: number): Buffer {
  return encodeEntry({ kind: 'live', offset, timestamp: 1, value: Buffer.from(value) });
}

/** Lets each chunk of a scan out when it is told to. */
class SteppedStorage extends ObservedStorage {
  stepped = false;
  chunks = 0;
  failsAt = Number.POSITIVE_INFINITY;
  /** A chunk waits. */
  release: (() => void) | undefined;

  override async *iterate(range: Parameters<ObservedStorage['iterate']>[0]) {
    for await (const chunk of super.iterate(range)) yield await this.#let(chunk);
  }

  async #let(chunk: readonly StoragePair[]): Promise<readonly StoragePair[]> {
    this.chunks++;
    if (this.chunks >= this.failsAt) throw new Error('no disk');
    if (!this.stepped) return chunk;
    await new Promise<void>((resolve) => {
      this.release = resolve;
    });
    this.release = undefined;
    return chunk;
  }
}

describe('the warm-up', () => {
  let storage: SteppedStorage;
  let table: Table;
  let entries: Entries;
  let clock: ManualClock;
  let stop: AbortController;
  let ended: Promise<void>;

  const write = async (keys: number, value: string, offset: number, bytes = 0) => {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const { active } = table.state(partition);
      const ops = Array.from({ length: keys }, (_, i) => ({
        type: 'put' as const,
        key: entryKey(partition, active.generation, Buffer.from(`${partition}:${i}`)),
        value: stored(value, offset),
      }));
      const state = { active: { ...active, position: offset + 1, entries: keys, bytes } };
      await table.commit([{ partition, state, ops }]);
    }
  };

  /** As after a restart: all is in storage, nothing in memory. */
  const restarted = async (cacheBytes = 2 ** 24) => {
    table = await Table.load(storage);
    entries = new Entries(
      table,
      new SegmentEntryCache({ bytesMax: cacheBytes, hash: keyedHash(1, 0) }),
    );
    const warmUp = new WarmUp({ table, entries, clock, logger: silentLogger });
    entries.onSwitched = () => warmUp.again();
    stop = new AbortController();
    ended = warmUp.run(stop.signal);
    return warmUp;
  };

  const now = (partition: number, key: string) => {
    const entry = entries.getNow(partition, key);
    return entry === UNKNOWN ? 'unknown' : entry?.value.toString();
  };

  /** As `restarted`, with the first chunk of the scan on its way. */
  const scanning = async () => {
    storage.stepped = true;
    const warmUp = await restarted();
    warmUp.start();
    await eventually('a chunk waits', () => storage.release);
  };

  /** Lets the warm-up go on, as far as it gets. */
  const run = async () => {
    for (let i = 0; i < 100; i++) {
      storage.release?.();
      clock.advance(1_000);
      await turn();
    }
  };

  const end = async () => {
    stop.abort();
    await run();
    await ended;
  };

  beforeEach(async () => {
    storage = new SteppedStorage();
    clock = new ManualClock();
    const first = await Table.load(storage);
    await first.adopt({ ...IDENTITY, partitions: PARTITIONS });
    table = first;
    await write(KEYS, 'old', 5);
  });

  it('brings all entries into memory, so that a missing key is known to be missing', async () => {
    const warmUp = await restarted();
    assert.equal(now(1, '1:7'), 'unknown');
    await run();
    assert.equal(now(1, '1:7'), 'unknown', 'not before it is told to');
    warmUp.start();
    await run();
    for (let i = 0; i < KEYS; i++) assert.equal(now(i % 2, `${i % 2}:${i}`), 'old');
    assert.equal(now(0, 'none'), undefined);
    assert.equal(now(1, 'none'), undefined);
    await end();
  });

  it('leaves what was applied meanwhile, stored before or after its chunk was read', async () => {
    await scanning();
    const apply = async (key: string, done: boolean) => {
      const bytes = stored('new', 9);
      const { active } = table.state(0);
      entries.applying(0);
      const place = entryKey(0, active.generation, Buffer.from(key));
      await table.commit([
        { partition: 0, state: { active }, ops: [{ type: 'put', key: place, value: bytes }] },
      ]);
      const applied = () => entries.applied(0, [{ key: Buffer.from(key), stored: bytes }]);
      if (done) applied();
      return applied;
    };
    await apply('0:0', true);
    await apply('0:2400', true);
    const late = await apply('0:1', false);
    await run();
    late();
    for (const key of ['0:0', '0:1', '0:2400']) assert.equal(now(0, key), 'new', key);
    assert.equal(now(0, '0:2'), 'old');
    assert.equal(now(0, 'none'), undefined);
    await end();
  });

  it('ends where memory ends, and no key is called missing that is not', async () => {
    // They might fit, and do not.
    const warmUp = await restarted(210 * 1_024);
    warmUp.start();
    await run();
    assert.equal(entries.full, true);
    assert.ok(storage.chunks < 6, `${storage.chunks} chunks were read for nothing`);
    for (let i = 0; i < KEYS; i++) {
      assert.ok(['old', 'unknown'].includes(now(0, `0:${i}`) ?? 'missing'), `0:${i}`);
    }
    assert.equal((await entries.get(0, '0:3'))?.value.toString(), 'old');
    await end();
  });

  it('does not begin where the entries cannot fit', async () => {
    await write(10, 'old', 6, 40_000);
    const warmUp = await restarted(64 * 1_024);
    const { scans } = storage;
    warmUp.start();
    await run();
    assert.equal(storage.scans, scans);
    assert.equal(now(0, 'none'), 'unknown');
    await end();
  });

  it('begins anew when the entries are exchanged under it', async () => {
    await scanning();
    const { active } = table.state(0);
    const next = { ...active, generation: active.generation + 1 };
    const key = entryKey(0, next.generation, Buffer.from('0:0'));
    const value = stored('rebuilt', 1);
    const state = { active: next, uncleared: [active.generation] };
    await table.commit([{ partition: 0, state, ops: [{ type: 'put', key, value }] }]);
    entries.switched();
    await run();
    assert.equal(now(0, '0:0'), 'rebuilt');
    assert.equal(now(0, '0:1'), undefined);
    assert.equal(now(1, '1:1'), 'old');
    await end();
  });

  it('rests four times as long as it works', async () => {
    await scanning();
    const chunk = async () => {
      await eventually('a chunk waits', () => storage.release);
      clock.advance(10);
      storage.release?.();
      await turn();
    };
    await chunk();
    clock.advance(39);
    await turn();
    assert.equal(storage.release, undefined);
    clock.advance(1);
    await chunk();
    await end();
  });

  it('leaves entries in storage that cannot be read, and tries again', async () => {
    storage.failsAt = 2;
    const warmUp = await restarted();
    warmUp.start();
    await run();
    assert.equal(now(0, 'none'), 'unknown');
    storage.failsAt = Number.POSITIVE_INFINITY;
    assert.equal((await entries.get(1, '1:3'))?.value.toString(), 'old');
    await run();
    assert.equal(now(0, 'none'), undefined);
    await end();
  });
});
