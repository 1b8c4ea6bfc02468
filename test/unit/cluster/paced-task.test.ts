import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { deferred } from '../../../src/async.ts';
import { PacedTask } from '../../../src/cluster/paced-task.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { eventually } from '../../helpers/eventually.ts';

const NEVER_MS = 60_000;

describe('PacedTask', () => {
  let task: PacedTask;
  afterEach(() => task.close());

  function make(run: () => Promise<void>, everyMs: number, gapMs: number): unknown[] {
    const failures: unknown[] = [];
    const failed = (error: unknown) => failures.push(error);
    task = new PacedTask({ clock: systemClock, run, everyMs, gapMs, failed });
    return failures;
  }

  test('many askings during a run make one more run, and never two at a time', async () => {
    const gates = [deferred<void>(), deferred<void>()];
    let [begun, running] = [0, 0];
    make(
      async () => {
        assert.equal(++running, 1);
        await gates[begun++]?.promise;
        running--;
      },
      NEVER_MS,
      1,
    );
    for (let asked = 0; asked < 5; asked++) task.ask();
    assert.equal(begun, 1);
    gates[0]?.resolve();
    await eventually('the second run', () => begun === 2);
    gates[1]?.resolve();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(begun, 2);
  });

  test('keeps the gap between two runs', async () => {
    const times: number[] = [];
    make(async () => void times.push(performance.now()), NEVER_MS, 50);
    task.ask();
    await eventually('the first', () => times.length === 1);
    task.ask();
    await eventually('the second', () => times.length === 2);
    assert.ok(times[1]! - times[0]! >= 49);
  });

  test('runs again by itself, also after a failure', async () => {
    let runs = 0;
    const failures = make(
      async () => {
        if (++runs === 1) throw new Error('once');
      },
      10,
      1,
    );
    task.ask();
    await eventually('more runs', () => runs >= 3);
    assert.equal(failures.length, 1);
  });

  test('does not run after its end', async () => {
    let runs = 0;
    make(async () => void runs++, 5, 1);
    task.ask();
    task.close();
    task.ask();
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(runs, 1);
  });
});
