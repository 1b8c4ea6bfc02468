import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { LogGuard } from '../../../src/apply/log-guard.ts';
import { FreshMarks } from '../../../src/progress/fresh-marks.ts';
import { Freshness } from '../../../src/progress/freshness.ts';
import { OwnWrites } from '../../../src/progress/own-writes.ts';
import { Patchy } from '../../../src/progress/patchy.ts';
import { Positions } from '../../../src/progress/positions.ts';
import { MemoryStorage } from '../../../src/storage/memory-storage.ts';
import { Table } from '../../../src/table/table.ts';
import { memoryWal } from '../../helpers/embedded-wal.ts';
import { silentLogger } from '../../helpers/silent-logger.ts';
import { StallingClock } from '../../helpers/stalling-clock.ts';

const STALL_MS = 700;
const EMPTY = { ends: [0], readable: [0] };

describe('the log guard', () => {
  let clock: StallingClock;
  let freshness: Freshness;
  let guard: LogGuard;
  let stopping: AbortController;
  let running: Promise<void>;

  beforeEach(async () => {
    clock = new StallingClock();
    const wal = await memoryWal(clock);
    const { identity } = await wal.connect();
    const table = await Table.load(new MemoryStorage());
    await table.adopt({ ...identity, codec: 'raw', applyVersion: 1 });
    const positions = new Positions(clock);
    freshness = new Freshness(clock, 100, {
      positions,
      marks: new FreshMarks(clock, [clock.now()]),
      patchy: new Patchy(clock, []),
    });
    const ownWrites = new OwnWrites();
    const parts = { wal, table, freshness, ownWrites, clock, logger: silentLogger };
    guard = new LogGuard({ ...parts, codecName: 'raw' });
    stopping = new AbortController();
    running = guard.run(stopping.signal);
    guard.follow(guard.doubts);
  });

  afterEach(async () => {
    stopping.abort();
    clock.advance(STALL_MS);
    await running;
  });

  it('doubts a log after a standstill of this process, and once it has answered no longer', async () => {
    assert.equal(freshness.identityConfirmed, true);
    clock.stallMs += STALL_MS;
    await guard.untilSame(stopping.signal);
    const { doubts } = guard;
    assert.ok(doubts > 0);
    // No timer has run since, so nobody else has asked: the check itself has broken the silence.
    await guard.untilSame(stopping.signal);
    assert.equal(guard.doubts, doubts);
    assert.equal(freshness.identityConfirmed, true);
  });

  it('lets nothing count that was told before a doubt', async () => {
    freshness.setRecovered(0, true);
    freshness.told(clock.monotonic(), EMPTY, [0]);
    assert.equal(freshness.fresh(0), true);
    const askedAt = clock.monotonic();
    clock.stallMs += STALL_MS;
    guard.noteSilence();
    assert.equal(freshness.identityConfirmed, false);
    await guard.untilSame(stopping.signal);
    freshness.told(askedAt, EMPTY, [0]);
    assert.equal(freshness.fresh(0), false);
    freshness.told(clock.monotonic(), EMPTY, [0]);
    assert.equal(freshness.fresh(0), true);
  });
});
