import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { ExitError, LogUnavailableError, ServiceError } from '../../../src/errors.ts';
import { MemoryStorage } from '../../../src/storage/memory-storage.ts';
import { RocksStorage } from '../../../src/storage/rocks/rocks-storage.ts';
import { type Storage, StorageError } from '../../../src/storage/storage.ts';
import { systemClock } from '../../../src/system-clock.ts';
import type { EmbeddedWal, EmbeddedWalOptions } from '../../../src/wal/embedded/embedded-wal.ts';
import { describeWal } from '../../contract/wal.ts';
import { requestFor } from '../../helpers/append-requests.ts';
import { walOn } from '../../helpers/embedded-wal.ts';
import { LogFollower } from '../../helpers/log-follower.ts';
import { ObservedStorage } from '../../helpers/observed-storage.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';

const MIB = 1024 * 1024;
const PARTITIONS = 4;

describeWal('embedded on memory', async () => {
  const storage = new MemoryStorage();
  let wal = await walOn(storage, { durable: false });
  return {
    wal,
    partitions: PARTITIONS,
    reopen: async () => {
      await wal.close(1_000);
      wal = await walOn(storage, { durable: false });
      return wal;
    },
    close: () => wal.close(0),
  };
});

describeWal('embedded on RocksDB', async () => {
  const directory = await temporaryDirectory('log');
  let storage = await RocksStorage.open(directory.path);
  let wal = await walOn(storage);
  const release = async () => {
    await wal.close(1_000);
    await storage.close();
  };
  return {
    wal,
    partitions: PARTITIONS,
    reopen: async () => {
      await release();
      storage = await RocksStorage.open(directory.path);
      wal = await walOn(storage, { partitions: 99 });
      return wal;
    },
    close: async () => {
      await release();
      await directory.remove();
    },
  };
});

describe('EmbeddedWal', { timeout: 60_000 }, () => {
  let wal: EmbeddedWal | undefined;
  const opened = async (storage: Storage, others: Partial<EmbeddedWalOptions> = {}) => {
    wal = await walOn(storage, others);
    await wal.connect();
    return wal;
  };
  // Timers of the clock keep no process alive, and memory has no handles.
  let alive: NodeJS.Timeout | undefined;
  before(() => {
    alive = setInterval(() => {}, 60_000);
  });
  after(() => clearInterval(alive));
  afterEach(() => wal?.close(0));

  it('keeps the last record per key and nothing else', async () => {
    const storage = new ObservedStorage();
    const log = await opened(storage);
    const overwrites = Array.from({ length: 10_000 }, (_, i) =>
      requestFor(0, { key: `key-${i % 10}`, value: `value-${i}` }),
    );
    await Promise.all(overwrites.slice(0, 9_000).map((each) => log.append(each)));
    for (const each of overwrites.slice(9_000)) await log.append(each);
    const pairs = await storage.pairs();
    assert.equal(pairs.filter(([key]) => key.startsWith('r')).length, 10);
    assert.equal(pairs.filter(([key]) => key.startsWith('k')).length, 10);

    const reopened = await walOn(storage);
    assert.deepEqual(await reopened.ends(), [10_000, 0, 0, 0]);
    const start = [0, 0, 0, 0];
    const follower = new LogFollower(await reopened.read(start), start);
    await follower.until('the end', () => follower.positions[0] === 10_000);
    assert.deepEqual(
      follower.records.map((r) => `${r.key} ${r.value} ${r.offset}`),
      Array.from({ length: 10 }, (_, i) => `key-${i} value-${9_990 + i} ${9_990 + i}`),
    );
    assert.equal((await reopened.bounds())[0]?.start, 0);
    await reopened.close(0);
  });

  it('keeps a delete for ever', async () => {
    const storage = new MemoryStorage();
    const log = await opened(storage);
    await log.append(requestFor(1, { key: 'gone' }));
    const headers = [{ name: 'bitacora-op', value: 'delete' }];
    const request = requestFor(1, { key: 'gone', value: Buffer.from([0]), headers });
    const { offset } = await log.append(request);
    await log.append(requestFor(1));
    const reopened = await walOn(storage);
    const [former, deleted] = await reopened.fetch([
      { partition: 1, offset: offset - 1 },
      { partition: 1, offset },
    ]);
    assert.equal(former, undefined);
    assert.equal(String(deleted?.headers[0]?.value), 'delete');
    await reopened.close(0);
  });

  it('keeps the same key of two partitions apart', async () => {
    const storage = new MemoryStorage();
    const log = await opened(storage);
    await log.append(requestFor(0, { key: 'k', value: 'zero' }));
    await log.append(requestFor(1, { key: 'k', value: 'one' }));
    const [zero, one] = await log.fetch([0, 1].map((partition) => ({ partition, offset: 0 })));
    assert.deepEqual([String(zero?.value), String(one?.value)], ['zero', 'one']);
  });

  it('writes what waits as one synced batch', async () => {
    const storage = new ObservedStorage();
    const log = await opened(storage);
    storage.batches.length = 0;
    let release = () => {};
    storage.gate = new Promise((resolve) => {
      release = resolve;
    });
    const first = log.append(requestFor(0));
    while (storage.batches.length === 0) await new Promise(setImmediate);
    const others = Array.from({ length: 500 }, (_, i) => log.append(requestFor(i % PARTITIONS)));
    release();
    await Promise.all([first, ...others]);
    assert.equal(storage.batches.length, 2);
    assert.ok(storage.batches.every(({ sync }) => sync));
  });

  it('shows nothing before it is synced', async () => {
    const storage = new ObservedStorage();
    const log = await opened(storage);
    const start = [0, 0, 0, 0];
    const follower = new LogFollower(await log.read(start), start);
    let release = () => {};
    storage.gate = new Promise((resolve) => {
      release = resolve;
    });
    const appending = log.append(requestFor(0));
    await follower.step();
    await follower.step();
    assert.deepEqual([follower.records.length, (await log.ends())[0]], [0, 0]);
    release();
    const { offset } = await appending;
    assert.equal((await log.ends())[0], offset + 1);
    await follower.untilAll([{ partition: 0, offset }]);
  });

  it('never shows a key without any of its records', async () => {
    const storage = new ObservedStorage();
    await (await opened(storage)).append(requestFor(0, { key: 'k', value: 'old' }));
    // Opened anew, it must scan: memory knows nothing yet.
    const log = await opened(storage);
    let release = () => {};
    storage.lateGate = new Promise((resolve) => {
      release = resolve;
    });
    const written = storage.batches.length;
    const appending = log.append(requestFor(0, { key: 'k', value: 'new' }));
    while (storage.batches.length === written) await new Promise(setImmediate);
    const reader = await log.read([0, 0, 0, 0]);
    const reading = reader.next(1_000);
    for (let i = 0; i < 5; i += 1) await new Promise(setImmediate);
    release();
    await appending;
    const { records } = await reading;
    assert.equal(records.length, 1, 'the old record is gone and the new one is not shown');
  });

  it('rejects what could not be written as unknown, and goes on when writing works again', async () => {
    const storage = new ObservedStorage();
    const log = await opened(storage);
    const contacts: boolean[] = [];
    log.events = { contact: (connected) => contacts.push(connected) };
    await log.append(requestFor(0));
    storage.failure = new StorageError('no space', undefined, 'full');
    for (let i = 0; i < 2; i += 1) {
      await assert.rejects(log.append(requestFor(0, { key: 'k', value: 'lost' })), (error) => {
        assert.ok(error instanceof ServiceError);
        assert.deepEqual([error.code, error.outcome], ['log_unavailable', 'unknown']);
        return true;
      });
    }
    assert.deepEqual([log.connected, (await log.ends())[0]], [false, 1]);
    storage.failure = undefined;
    const { offset } = await log.append(requestFor(0, { key: 'k', value: 'kept' }));
    assert.equal(offset, 3, 'an offset that may be on disk is not given again');
    assert.deepEqual(contacts, [false, true]);
    const start = [0, 0, 0, 0];
    const follower = new LogFollower(await log.read(start), start);
    await follower.untilAll([{ partition: 0, offset }]);
    assert.deepEqual(
      follower.records.map((r) => r.offset),
      [0, 3],
    );
  });

  it('refuses what is too much, at once and as not written', async () => {
    const storage = new ObservedStorage();
    const log = await opened(storage);
    let release = () => {};
    storage.gate = new Promise((resolve) => {
      release = resolve;
    });
    const value = Buffer.alloc(2 * MIB, 1);
    const taken = Array.from({ length: 31 }, () => log.append(requestFor(0, { value })));
    await assert.rejects(log.append(requestFor(0, { value })), (error) => {
      assert.ok(error instanceof ServiceError);
      assert.deepEqual([error.code, error.outcome], ['overloaded', 'not_written']);
      return true;
    });
    release();
    await Promise.all(taken);
    await log.append(requestFor(0, { value }));
  });

  it('gives up at close after the time given', async () => {
    const storage = new ObservedStorage();
    const log = await opened(storage);
    storage.gate = new Promise(() => {});
    const written = log.append(requestFor(0));
    while (storage.batches.length < 2) await new Promise(setImmediate);
    const waiting = log.append(requestFor(0));
    const both = Promise.allSettled([written, waiting]);
    await log.close(20);
    const outcomes = (await both).map((each) =>
      each.status === 'rejected' && each.reason instanceof ServiceError
        ? each.reason.outcome
        : each,
    );
    assert.deepEqual(outcomes, ['unknown', 'not_written']);
    await assert.rejects(log.ends(), LogUnavailableError);
  });

  it('never lets a timestamp step back within a partition', async () => {
    const storage = new MemoryStorage();
    let now = 5_000;
    const clock = { ...systemClock, now: () => now };
    const log = await opened(storage, { clock });
    const first = await log.append(requestFor(0));
    now = 1_000;
    const second = await log.append(requestFor(0));
    const elsewhere = await log.append(requestFor(1));
    const reopened = await walOn(storage, { clock });
    const third = await reopened.append(requestFor(0));
    assert.deepEqual(
      [first, second, third, elsewhere].map(({ timestamp }) => timestamp),
      [5_000, 5_000, 5_000, 1_000],
    );
    await reopened.close(0);
  });

  it('is one log for ever: another topic is refused, partitions and ids stay', async () => {
    const storage = new MemoryStorage();
    const log = await opened(storage);
    const again = await walOn(storage, { partitions: 7 });
    assert.deepEqual(await again.identity(), await log.identity());
    await assert.rejects(walOn(storage, { topic: 'other' }), (error) => {
      assert.ok(error instanceof ExitError);
      assert.equal(error.exitCode, 2);
      assert.match(error.message, /KAFKA_TOPIC=letters/);
      return true;
    });
    const fresh = await walOn(new MemoryStorage());
    assert.notEqual((await fresh.identity()).topicId, (await log.identity()).topicId);
    await storage.write([{ type: 'put', key: Buffer.from('m'), value: Buffer.from('{') }]);
    await assert.rejects(walOn(storage), { name: 'StorageError', kind: 'corrupt' });
    await again.close(0);
    await fresh.close(0);
  });
});
