import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { deferred } from '../../../src/async.ts';
import { MemoryStorage } from '../../../src/storage/memory-storage.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { Entries, UNKNOWN } from '../../../src/table/entries.ts';
import { keyedHash } from '../../../src/table/key-hash.ts';
import { SegmentEntryCache } from '../../../src/table/segment-entry-cache.ts';
import { encodeEntry } from '../../../src/table/stored-entry.ts';
import { Table } from '../../../src/table/table.ts';
import { entryKey } from '../../../src/table/table-keys.ts';

const KEY = Buffer.from('k');

function stored(value: string, offset: number): Buffer {
  return encodeEntry({ kind: 'live', offset, timestamp: 1, value: Buffer.from(value) });
}

/** A storage whose reads can be held between the look-up and the answer. */
function holding(storage: Storage): { storage: Storage; hold: () => { release: () => void } } {
  let gate: Promise<void> | undefined;
  return {
    hold: () => {
      const held = deferred<void>();
      gate = held.promise;
      return { release: () => held.resolve() };
    },
    storage: new Proxy(storage, {
      get: (target, name) => {
        if (name !== 'getMany') return Reflect.get(target, name).bind(target);
        return async (keys: Buffer[]) => {
          const found = await target.getMany(keys);
          await gate;
          return found;
        };
      },
    }),
  };
}

describe('entries', () => {
  let table: Table;
  let entries: Entries;
  let held: ReturnType<typeof holding>;

  const commit = async (value: string, offset: number) => {
    const { active } = table.state(0);
    const bytes = stored(value, offset);
    entries.applying(0);
    await table.commit([
      {
        partition: 0,
        state: { active: { ...active, position: offset + 1, entries: 1 } },
        ops: [{ type: 'put', key: entryKey(0, active.generation, KEY), value: bytes }],
      },
    ]);
    return () => entries.applied(0, [{ key: Buffer.from('k'), stored: bytes }]);
  };

  beforeEach(async () => {
    held = holding(new MemoryStorage());
    table = await Table.load(held.storage);
    await table.adopt({
      clusterId: 'c',
      topicId: 't',
      topic: 'n',
      partitions: 1,
      codec: 'raw',
      applyVersion: 1,
    });
    entries = new Entries(
      table,
      new SegmentEntryCache({ bytesMax: 2 ** 20, hash: keyedHash(1, 0) }),
    );
  });

  it('know that an empty partition has no key, without asking storage', () => {
    assert.equal(entries.getNow(0, 'k'), undefined);
  });

  it('keep what a read found', async () => {
    (await commit('1', 0))();
    entries.switched();
    assert.equal(entries.getNow(0, 'k'), UNKNOWN);
    assert.equal((await entries.get(0, 'k'))?.value.toString(), '1');
    assert.notEqual(entries.getNow(0, 'k'), UNKNOWN);
  });

  it('do not keep an old value that was read while a newer one was committed', async () => {
    (await commit('old', 0))();
    entries.switched();
    const { release } = held.hold();
    const reading = entries.get(0, 'k');
    (await commit('new', 1))();
    entries.switched();
    release();
    await reading;
    const now = entries.getNow(0, 'k');
    if (now !== UNKNOWN) assert.equal(now?.value.toString(), 'new');
    assert.equal((await entries.get(0, 'k'))?.value.toString(), 'new');
  });

  it('do not keep what was read while a batch was pending, whichever ends first', async () => {
    (await commit('old', 0))();
    entries.switched();
    const { release } = held.hold();
    const applied = await commit('new', 1);
    const reading = entries.get(0, 'k');
    applied();
    entries.switched();
    release();
    await reading;
    assert.equal((await entries.get(0, 'k'))?.value.toString(), 'new');
  });

  it('read again when the generation was switched meanwhile', async () => {
    (await commit('old', 0))();
    entries.switched();
    const { release } = held.hold();
    const reading = entries.get(0, 'k');
    const { active } = table.state(0);
    const next = { ...active, generation: active.generation + 1 };
    await table.commit([
      {
        partition: 0,
        state: { active: next },
        ops: [{ type: 'put', key: entryKey(0, next.generation, KEY), value: stored('next', 0) }],
      },
    ]);
    entries.switched();
    release();
    assert.equal((await reading)?.value.toString(), 'next');
  });
});
