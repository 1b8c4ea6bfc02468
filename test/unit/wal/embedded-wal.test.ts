import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { ExitError, LogUnavailableError, ServiceError } from '../../../src/errors.ts';
import { MemoryStorage } from '../../../src/storage/memory-storage.ts';
import { RocksStorage } from '../../../src/storage/rocks/rocks-storage.ts';
import {
  type KeyRange,
  type Storage,
  StorageError,
  type StorageOp,
  type StoragePair,
} from '../../../src/storage/storage.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { EmbeddedWal, type EmbeddedWalOptions } from '../../../src/wal/embedded/embedded-wal.ts';
import { describeWal } from '../../contract/wal.ts';
import { requestFor } from '../../helpers/append-requests.ts';
import { LogFollower } from '../../helpers/log-follower.ts';
import { silentLogger } from '../../helpers/silent-logger.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';

const MIB = 1024 * 1024;
const PARTITIONS = 4;

function walOn(storage: Storage, others: Partial<EmbeddedWalOptions> = {}): Promise<EmbeddedWal> {
  return EmbeddedWal.open({
    storage,
    topic: 'letters',
    partitions: PARTITIONS,
    keyBytesMax: 8 * 1024,
    valueBytesMax: 2 * MIB,
    clock: systemClock,
    random: randomUUID,
    logger: silentLogger,
    durable: true,
    ...others,
  });
}

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

/** Real storage in memory whose writes can be counted, held and made to fail. */
class ObservedStorage extends MemoryStorage {
  readonly batches: { ops: number; sync: boolean }[] = [];
  failure: Error | undefined;
  gate: Promise<void> | undefined;
  /** As `gate`, with the batch already to be seen in the storage. */
  lateGate: Promise<void> | undefined;
  /** Before each read of keys. */
  beforeReads: (keys: readonly Buffer[]) => Promise<void> = async () => {};
  scans = 0;

  override async getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    await this.beforeReads(keys);
    return super.getMany(keys);
  }

  override iterate(range: KeyRange): AsyncIterable<readonly StoragePair[]> {
    this.scans += 1;
    return super.iterate(range);
  }

  override async write(ops: readonly StorageOp[], options: { sync?: boolean } = {}): Promise<void> {
    this.batches.push({ ops: ops.length, sync: options.sync === true });
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    await super.write(ops);
    await this.lateGate;
  }

  async pairs(): Promise<[string, Buffer][]> {
    const pairs: [string, Buffer][] = [];
    const everything = { gte: Buffer.alloc(0), lt: Buffer.alloc(1, 0xff) };
    for await (const chunk of this.iterate(everything)) {
      for (const [key, value] of chunk) pairs.push([key.toString('latin1'), value]);
    }
    return pairs;
  }
}

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
