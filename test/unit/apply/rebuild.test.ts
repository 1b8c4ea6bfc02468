import assert from 'node:assert/strict';
import { beforeEach, describe, it, mock } from 'node:test';
import { NOTHING_LOST } from '../../../src/apply/log-check.ts';
import { beginRebuild, finishRebuild, type LostEntry } from '../../../src/apply/rebuild.ts';
import { MemoryStorage } from '../../../src/storage/memory-storage.ts';
import { filling, withFilling } from '../../../src/table/partition-state.ts';
import { encodeEntry } from '../../../src/table/stored-entry.ts';
import { Table } from '../../../src/table/table.ts';
import { entryKey } from '../../../src/table/table-keys.ts';

describe('a rebuild', () => {
  let storage: MemoryStorage;
  let table: Table;
  let lost: LostEntry[];

  /** What the applier does with a record. */
  const apply = async (key: string, value: string, offset: number) => {
    const state = table.state(0);
    const into = filling(state);
    const entry = { kind: 'live', offset, timestamp: 1, value: Buffer.from(value) } as const;
    const place = entryKey(0, into.generation, Buffer.from(key));
    await table.commit([
      {
        partition: 0,
        state: withFilling(state, { ...into, position: offset + 1 }),
        ops: [{ type: 'put', key: place, value: encodeEntry(entry) }],
      },
    ]);
  };
  const held = async (generation: number) => {
    const keys: string[] = [];
    for await (const chunk of table.scan(0, generation)) {
      for (const { key } of chunk) keys.push(key.toString());
    }
    return keys;
  };
  const save = async (_: number, entries: AsyncIterable<LostEntry>) => {
    for await (const entry of entries) lost.push(entry);
    return lost.length > 0 ? 'lost' : undefined;
  };

  beforeEach(async () => {
    lost = [];
    storage = new MemoryStorage();
    table = await Table.load(storage);
    const log = { clusterId: 'c', topicId: 't', topic: 'n', partitions: 1 };
    await table.adopt({ ...log, codec: 'raw', applyVersion: 1 });
    for (const [offset, key] of ['same', 'changed', 'gone', 'old'].entries()) {
      await apply(key, key, offset);
    }
  });

  it('leaves the old generation as it is until it is filled, then switches and clears', async () => {
    await beginRebuild(table, 0, { start: 0, doubtFrom: 0 });
    await apply('same', 'same', 0);
    assert.deepEqual(await held(1), ['changed', 'gone', 'old', 'same']);
    assert.equal(table.state(0).active.position, 4);
    await finishRebuild(table, 0, { lostFrom: NOTHING_LOST, saveLost: save });
    assert.deepEqual(await held(table.state(0).active.generation), ['same']);
    assert.equal(table.state(0).next, undefined);
    await table.clearUnused(0);
    assert.deepEqual(await held(1), []);
  });

  it('saves what the log no longer has as it was, from the doubtful place on', async () => {
    await beginRebuild(table, 0, { start: 0, doubtFrom: 1 });
    await apply('changed', 'by another', 1);
    const file = await finishRebuild(table, 0, { lostFrom: NOTHING_LOST, saveLost: save });
    assert.equal(file, 'lost');
    const saved = lost.map(({ key, entry }) => `${key}=${entry.value}@${entry.offset}`);
    assert.deepEqual(saved, ['changed=changed@1', 'gone=gone@2', 'old=old@3']);
  });

  it('saves nothing where the log has lost nothing', async () => {
    await beginRebuild(table, 0, { start: 0, doubtFrom: NOTHING_LOST });
    const file = await finishRebuild(table, 0, { lostFrom: NOTHING_LOST, saveLost: save });
    assert.deepEqual([file, lost], [undefined, []]);
  });

  it('saves what the log has lost meanwhile', async () => {
    await beginRebuild(table, 0, { start: 0, doubtFrom: NOTHING_LOST });
    await finishRebuild(table, 0, { lostFrom: 3, saveLost: save });
    assert.deepEqual(
      lost.map(({ key }) => key),
      ['old'],
    );
  });

  it('answers for the doubt of the rebuild that it replaces', async () => {
    await beginRebuild(table, 0, { start: 0, doubtFrom: 2 });
    await apply('halfway', 'halfway', 0);
    await beginRebuild(table, 0, { start: 0, doubtFrom: NOTHING_LOST });
    await finishRebuild(table, 0, { lostFrom: NOTHING_LOST, saveLost: save });
    assert.deepEqual(
      lost.map(({ key }) => key),
      ['gone', 'old'],
    );
    assert.deepEqual(await held(table.state(0).active.generation), []);
  });

  it('goes on after a restart where it was', async () => {
    await beginRebuild(table, 0, { start: 0, doubtFrom: 3 });
    await apply('same', 'same', 0);
    table = await Table.load(storage);
    assert.equal(filling(table.state(0)).position, 1);
    await finishRebuild(table, 0, { lostFrom: NOTHING_LOST, saveLost: save });
    assert.deepEqual(
      lost.map(({ key }) => key),
      ['old'],
    );
  });

  it('never goes on with a filling whose clearing was interrupted', async () => {
    await beginRebuild(table, 0, { start: 0, doubtFrom: NOTHING_LOST });
    await apply('halfway', 'halfway', 2);
    const interrupted = filling(table.state(0)).generation;
    const clear = mock.method(storage, 'clear', async () => {
      throw new Error('killed');
    });
    await assert.rejects(beginRebuild(table, 0, { start: 0, doubtFrom: NOTHING_LOST }), /killed/);
    clear.mock.restore();
    table = await Table.load(storage);
    assert.equal(filling(table.state(0)).position, 0);
    assert.deepEqual(await held(interrupted), []);
  });

  it('has what is left of it removed at the next start, and no other start looks for any', async () => {
    await beginRebuild(table, 0, { start: 0, doubtFrom: NOTHING_LOST });
    await finishRebuild(table, 0, { lostFrom: NOTHING_LOST, saveLost: save });
    assert.ok((await held(table.state(0).active.generation - 1)).length > 0);
    table = await Table.load(storage);
    const { generation } = table.state(0).active;
    assert.deepEqual(await held(generation - 1), []);
    const clear = mock.method(storage, 'clear');
    table = await Table.load(storage);
    assert.equal(clear.mock.callCount(), 0);
  });
});
