import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type Deferred, deferred } from '../../../src/async.ts';
import type { Core } from '../../../src/core.ts';
import type { LogRecord } from '../../../src/record.ts';
import { decodeEntry } from '../../../src/table/stored-entry.ts';
import type { ReadBatch, Wal, WalReader } from '../../../src/wal/wal.ts';
import { memoryWal } from '../../helpers/embedded-wal.ts';
import { eventually } from '../../helpers/eventually.ts';
import { openLoneCore } from '../../helpers/lone-core.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';

const KEY = Buffer.from('key');
const NOTHING: ReadBatch = { records: [], reached: [] };

function holding(value: string): ReadBatch {
  const record: LogRecord = {
    partition: 0,
    offset: 0,
    timestamp: 1,
    key: KEY,
    value: Buffer.from(value),
    headers: [],
  };
  return { records: [record], reached: [] };
}

/** Delivers what it is told to, when it is told to. */
class ToldReader implements WalReader {
  readonly asked: Deferred<ReadBatch>[] = [];
  seeks = 0;
  #pending = false;

  async next(): Promise<ReadBatch> {
    assert.equal(this.#pending, false, 'one next at a time');
    this.#pending = true;
    const batch = deferred<ReadBatch>();
    this.asked.push(batch);
    return batch.promise.finally(() => {
      this.#pending = false;
    });
  }

  async seek(): Promise<void> {
    assert.equal(this.#pending, false, 'no seek beside a next');
    this.seeks++;
  }

  async close(): Promise<void> {
    this.asked.at(-1)?.resolve(NOTHING);
  }
}

describe('a batch that is read ahead', () => {
  let reader: ToldReader;
  let core: Core;
  let wal: Wal;
  /** The log says who it is once this has resolved. */
  let identified: Promise<void>;
  let stopping: AbortController;
  let running: Promise<void>;

  beforeEach(async () => {
    const clock = new ManualClock();
    const log = await memoryWal(clock);
    reader = new ToldReader();
    identified = Promise.resolve();
    stopping = new AbortController();
    wal = new Proxy(log, {
      get: (target, name) => {
        if (name === 'read') return async () => reader;
        if (name === 'identity') return () => identified.then(() => target.identity());
        const found = Reflect.get(target, name);
        return typeof found === 'function' ? found.bind(target) : found;
      },
    });
    core = await openLoneCore({ wal, clock, writeTimeoutMs: 1_000 });
    await log.append({ partition: 0, key: KEY, value: Buffer.from('kept'), headers: [] });
    running = core.run(stopping.signal);
  });

  afterEach(async () => {
    stopping.abort();
    reader.asked.at(-1)?.resolve(NOTHING);
    await running;
  });

  const asked = (times: number) =>
    eventually(`${times} batches are asked for`, () => reader.asked[times - 1]);
  const doubt = () => wal.events.identityDoubt?.('somebody said so');

  it('leaves no way in for what is read while the log is in doubt', async () => {
    const first = await asked(1);
    doubt();
    await eventually('the log has said who it is', () => core.freshness.identityConfirmed);
    first.resolve(holding('read before the doubt'));
    const ahead = await asked(2);
    const identity = deferred<void>();
    identified = identity.promise;
    doubt();
    ahead.resolve(NOTHING);
    // The log that answers now may be one that never had our record.
    (await asked(3)).resolve(holding('lost'));
    identity.resolve();
    await eventually('the record is applied', () => {
      if (core.freshness.identityConfirmed) reader.asked.at(-1)?.resolve(holding('kept'));
      return core.table.state(0).active.position === 1;
    });
    const [stored] = await core.table.readMany(0, [KEY]);
    assert.equal(stored && decodeEntry(stored).value.toString(), 'kept');
  });
});
