import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { deferred } from '../../../src/async.ts';
import { type Storage, StorageError } from '../../../src/storage/storage.ts';
import { EmbeddedLog } from '../../../src/wal/embedded/embedded-log.ts';
import type { EmbeddedWalOptions } from '../../../src/wal/embedded/embedded-wal.ts';
import { requestFor } from '../../helpers/append-requests.ts';
import { walOn } from '../../helpers/embedded-wal.ts';
import { LogFollower } from '../../helpers/log-follower.ts';
import { ObservedStorage } from '../../helpers/observed-storage.ts';

describe('the ends of an embedded log', { timeout: 60_000 }, () => {
  const opened = async (storage: Storage, others: Partial<EmbeddedWalOptions> = {}) => {
    const log = await walOn(storage, others);
    await log.connect();
    return log;
  };
  // Timers of the clock keep no process alive, and memory has no handles.
  let alive: NodeJS.Timeout | undefined;
  before(() => {
    alive = setInterval(() => {}, 60_000);
  });
  after(() => clearInterval(alive));

  it('opens and tells its newest records without a scan of the storage', async () => {
    const storage = new ObservedStorage();
    const log = await opened(storage, { partitions: 1 });
    for (let i = 0; i < 200; i += 1) {
      await log.append(requestFor(0, { key: `key-${i % 150}`, value: `${i}` }));
    }
    storage.scans = 0;
    const reopened = await walOn(storage);
    const follower = new LogFollower(await reopened.read([20]), [20]);
    await follower.until('the end', () => follower.positions[0] === 200);
    assert.equal(storage.scans, 0);
    assert.deepEqual(
      follower.records.map(({ offset }) => offset),
      Array.from({ length: 150 }, (_, i) => 50 + i),
    );
    await reopened.close(0);
  });

  it('never lacks a key that is written while its newest records are read', async () => {
    const storage = new ObservedStorage();
    const former = await opened(storage, { partitions: 1 });
    for (let i = 0; i < 200; i += 1) await former.append(requestFor(0, { key: `key-${i}` }));
    const log = await opened(storage);
    let read = 0;
    storage.beforeReads = async (keys) => {
      if (keys.length === 1 || ++read !== 2) return;
      await log.append(requestFor(0, { key: 'key-100', value: 'new' }));
    };
    const { records } = await (await log.read([0])).next(1_000);
    const keys = new Set(records.map(({ key }) => String(key)));
    assert.equal(keys.size, 200, 'the old record is gone and the new one is not shown');
    assert.ok(read >= 2, 'it was written meanwhile');
  });

  it('finds the end of a log from before ends were stored', async () => {
    const storage = new ObservedStorage();
    const log = await opened(storage);
    for (let i = 0; i < 3; i += 1) await log.append(requestFor(2));
    for (const [key] of await storage.pairs()) {
      if (!key.startsWith('t')) continue;
      await storage.write([{ type: 'del', key: Buffer.from(key, 'latin1') }]);
    }
    const reopened = await walOn(storage);
    assert.deepEqual(await reopened.ends(), [0, 0, 3, 0]);
    await reopened.close(0);
  });

  it('is damaged where the record before its end is missing', async () => {
    const storage = new ObservedStorage();
    const log = await opened(storage);
    for (const key of ['a', 'b']) await log.append(requestFor(1, { key }));
    const places = (await storage.pairs()).map(([key]) => key).filter((key) => key.startsWith('r'));
    const last = Buffer.from(places.at(-1) ?? '', 'latin1');
    await storage.write([{ type: 'del', key: last }]);
    await assert.rejects(walOn(storage), (error) => {
      assert.ok(error instanceof StorageError);
      assert.equal(error.kind, 'corrupt');
      assert.match(error.message, /partition 1, 1,/);
      return true;
    });
  });

  it('tells a key whose record is superseded in the moment in which the reading begins', async () => {
    const storage = new ObservedStorage();
    const identity = { clusterId: 'c', topicId: 't', topic: 'x', partitions: 1 };
    const first = await EmbeddedLog.open(storage, identity);
    await first.commit(await first.prepare([requestFor(0, { key: 'a' })], 1), true);
    // Opened anew: memory does not reach back to the record.
    const log = await EmbeddedLog.open(storage, identity);
    const prepared = await log.prepare([requestFor(0, { key: 'a' })], 2);
    const synced = deferred<void>();
    storage.lateGate = synced.promise;
    const offsets: number[] = [];
    const reading = (async () => {
      for await (const { offset } of log.read(0, 0)) offsets.push(offset);
    })();
    const committing = log.commit(prepared, true);
    setImmediate(synced.resolve);
    await Promise.all([reading, committing]);
    assert.deepEqual(offsets, [1]);
  });
});
