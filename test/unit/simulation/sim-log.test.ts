import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { rawCodec } from '../../../src/codec/raw-codec.ts';
import { describeWal } from '../../contract/wal.ts';
import { ProcessClock, Random, Scheduler } from '../../simulation/scheduler.ts';
import { CLEANED_AGE_MS, SimLog } from '../../simulation/sim-log.ts';
import { SimWal } from '../../simulation/sim-wal.ts';

const PARTITIONS = 3;
const RETENTION_MS = 1_000;

/** Lets simulated time pass as real time does. */
function paced(scheduler: Scheduler): () => void {
  const startedAt = performance.now();
  let stopped = false;
  const turn = async () => {
    while (!stopped) {
      await scheduler.run(performance.now() - startedAt, () => stopped);
      await new Promise(setImmediate);
    }
  };
  void turn();
  return () => {
    stopped = true;
  };
}

describeWal('simulated log', async () => {
  const scheduler = new Scheduler();
  const random = new Random(1);
  const log = new SimLog({
    scheduler,
    random,
    partitions: PARTITIONS,
    deleteRetentionMs: RETENTION_MS,
    wallStartMs: Date.now(),
  });
  const stop = paced(scheduler);
  const make = () =>
    new SimWal({
      log,
      clock: new ProcessClock(scheduler, { skewMs: 0 }),
      awake: async () => {},
      random,
      writeTimeoutMs: 5_000,
      reachable: () => true,
      deaf: () => false,
      delayMsMax: () => 1,
      loses: () => false,
      sentAgain: () => {},
    });
  let wal = make();
  return {
    wal,
    partitions: PARTITIONS,
    reopen: async () => {
      await wal.close();
      wal = make();
      return wal;
    },
    close: async () => stop(),
  };
});

describe('SimLog', () => {
  let scheduler: Scheduler;
  let log: SimLog;
  const put = (key: string, value: string | null) =>
    log.append({
      partition: 0,
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      headers: [],
    });
  const fill = (count: number) => {
    for (let i = 0; i < count; i++) put('filler', `${i}`);
  };
  const held = () =>
    log.partition(0).records.map(({ key, value, offset }) => `${key}=${value}@${offset}`);
  const wait = (ms: number) => {
    const until = scheduler.now + ms;
    let over = false;
    scheduler.after(ms, () => (over = true));
    return scheduler.run(until, () => over);
  };

  beforeEach(() => {
    scheduler = new Scheduler();
    const random = new Random(1);
    log = new SimLog({ scheduler, random, partitions: 1, deleteRetentionMs: RETENTION_MS });
  });

  it('is compacted to the last record of each key, and the newest part is left alone', async () => {
    put('a', '1');
    put('b', '1');
    put('a', '2');
    fill(20);
    log.compact(0);
    assert.equal(held()[0], 'a=1@0');
    await wait(CLEANED_AGE_MS);
    log.compact(0);
    const left = held();
    assert.deepEqual(left.slice(0, 2), ['b=1@1', 'a=2@2']);
    assert.ok(left.length >= 3 && left.length <= 13, `${left.length}`);
    assert.equal(left.at(-1), 'filler=19@22');
    assert.equal(log.partition(0).end, 23);
  });

  it('keeps null tombstones for their retention, counted from the first cleaning', async () => {
    put('a', '1');
    put('a', null);
    fill(20);
    await wait(RETENTION_MS * 2);
    log.compact(0);
    assert.equal(held()[0], 'a=null@1');
    await wait(RETENTION_MS / 2);
    log.compact(0);
    assert.equal(held()[0], 'a=null@1');
    await wait(RETENTION_MS / 2);
    log.compact(0);
    assert.ok(!held().some((each) => each.startsWith('a=')));
    assert.equal(log.tombstonesDropped, 1);
  });

  it('keeps markers for ever', async () => {
    put('a', '1');
    log.append({ partition: 0, key: Buffer.from('a'), ...rawCodec.encodeDelete('a') });
    fill(20);
    for (let i = 0; i < 3; i++) {
      log.compact(0);
      await wait(RETENTION_MS * 2);
    }
    assert.equal(held()[0], 'a=\0@1');
  });

  it('gives the offsets that it lost again, but reaches not back to what was cleaned', () => {
    fill(30);
    log.truncate(0, 5);
    assert.equal(put('a', 'again').offset, 25);
    assert.equal(log.ever.filter(({ lostAt }) => lostAt !== undefined).length, 5);
    log.compact(0);
    const { cleanedTo } = log.partition(0);
    log.truncate(0, 1_000);
    assert.equal(log.partition(0).end, cleanedTo);
  });

  it('is another log after a swap, and itself again after that', () => {
    put('a', '1');
    const { identity } = log.current;
    const ours = log.swap('topic');
    assert.notEqual(log.current.identity.topicId, identity.topicId);
    assert.equal(log.current.identity.clusterId, identity.clusterId);
    assert.deepEqual(held(), []);
    log.restore(ours);
    log.swap('cluster');
    assert.notEqual(log.current.identity.clusterId, identity.clusterId);
    log.restore(ours);
    assert.deepEqual(held(), ['a=1@0']);
  });
});
