import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { deferred } from '../../../src/async.ts';
import type { Core } from '../../../src/core.ts';
import type { WriteAnswer } from '../../../src/store/key-value-store.ts';
import type { Wal } from '../../../src/wal/wal.ts';
import { memoryWal } from '../../helpers/embedded-wal.ts';
import { openLoneCore } from '../../helpers/lone-core.ts';
import { StallingClock } from '../../helpers/stalling-clock.ts';

const STALL_MS = 700;
const STEPS = 50;

/** The clients of a log go on in threads of their own while something blocks this one. */
describe('an acknowledgement that comes after a standstill', () => {
  let clock: StallingClock;
  let core: Core;
  let topicId: string | undefined;
  let acknowledged = Promise.resolve();
  let stopping: AbortController;
  let running: Promise<void>;

  beforeEach(async () => {
    clock = new StallingClock();
    topicId = undefined;
    acknowledged = Promise.resolve();
    stopping = new AbortController();
    const log = await memoryWal(clock);
    const wal: Wal = new Proxy(log, {
      get: (target, name) => {
        if (name === 'identity') {
          return async () => {
            const identity = await target.identity();
            return { ...identity, topicId: topicId ?? identity.topicId };
          };
        }
        if (name === 'append') {
          return async (...request: Parameters<Wal['append']>) => {
            const done = await target.append(...request);
            await acknowledged;
            return done;
          };
        }
        const found = Reflect.get(target, name);
        return typeof found === 'function' ? found.bind(target) : found;
      },
    });
    core = await openLoneCore({ wal, clock, writeTimeoutMs: 5_000 });
    running = core.run(stopping.signal);
    for (let i = 0; i < STEPS && !core.healthy(); i++) await step();
    assert.ok(core.healthy());
  });

  afterEach(async () => {
    stopping.abort();
    clock.advance(STALL_MS);
    await running;
  });

  const step = async () => {
    clock.advance(20);
    await new Promise(setImmediate);
  };
  /** What becomes of a write whose acknowledgement arrives while this process stands still. */
  const putAndStall = async () => {
    const held = deferred<void>();
    acknowledged = held.promise;
    let outcome: string | undefined;
    void core.store.put('key', Buffer.from('value')).then(
      () => (outcome = 'acknowledged'),
      (error) => (outcome = error.outcome),
    );
    await new Promise(setImmediate);
    clock.stallMs += STALL_MS;
    held.resolve();
    // No timer runs before the acknowledgement is dealt with.
    for (let i = 0; i < STEPS && outcome === undefined; i++) await new Promise(setImmediate);
    for (let i = 0; i < STEPS && outcome === undefined; i++) await step();
    return outcome;
  };

  it('counts where the log is still ours', async () => {
    assert.equal(await putAndStall(), 'acknowledged');
  });

  it('does not count where another log stands there by now', async () => {
    topicId = 'another';
    assert.equal(await putAndStall(), 'unknown');
  });

  it('makes no version known to a node that has met another log since', async () => {
    const { version } = await write();
    const read = () => core.store.get('key', { after: version });
    assert.equal((await within(read())).entry?.offset, version.offset);
    topicId = 'another';
    clock.stallMs += STALL_MS;
    for (let i = 0; i < STEPS && core.healthy(); i++) await step();
    assert.ok(!core.healthy());
    await assert.rejects(within(read()), { code: 'not_yet' });
  });

  /** Lets time pass until it is settled. */
  async function within<T>(answer: Promise<T>): Promise<T> {
    let settled = false;
    const end = () => {
      settled = true;
    };
    answer.then(end, end);
    for (let i = 0; i < 10 * STEPS && !settled; i++) await step();
    return answer;
  }

  function write(): Promise<WriteAnswer> {
    return within(core.store.put('key', Buffer.from('value')));
  }
});
