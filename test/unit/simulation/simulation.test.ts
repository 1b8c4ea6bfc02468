import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { FAULTS } from '../../simulation/faults.ts';
import { STATES } from '../../simulation/reached.ts';
import { FAULTS_MIN, OPERATIONS_MIN, type Outcome, simulate } from '../../simulation/simulate.ts';
import { missing, type Summary, summaryText, violationsOf } from '../../simulation/summary.ts';

const SEEDS = 1_000;
const RUN = 'test/simulation/run.ts';

describe('the simulator', () => {
  it('replays a seed exactly', async () => {
    for (const seed of [1, 303, 1843]) {
      const traces: string[][] = [];
      const outcomes: Outcome[] = [];
      for (let run = 0; run < 2; run++) {
        const trace: string[] = [];
        outcomes.push(await simulate(seed, { trace: (line) => trace.push(line) }));
        traces.push(trace);
      }
      assert.ok((traces[0]?.length ?? 0) > OPERATIONS_MIN);
      assert.deepEqual(traces[0], traces[1]);
      assert.deepEqual(outcomes[0], outcomes[1]);
    }
  });

  it('finds nothing where a rebuild once took another log for ours: seed 25099', async () => {
    assert.deepEqual((await simulate(25_099)).violations, []);
  });

  it('runs other seeds in other ways', async () => {
    const one = await simulate(1);
    const two = await simulate(2);
    assert.notDeepEqual(one.reached, two.reached);
  });

  it(`finds nothing wrong in ${SEEDS} seeds that meet every fault and every state`, async (t) => {
    // In a process of its own: the test runner watches promises, and they take twice the time then.
    const seeds = ['--json', '--seeds', `1-${SEEDS}`];
    const child = spawn(process.execPath, [...process.execArgv, RUN, ...seeds], { stdio: 'pipe' });
    const [output, found] = await Promise.all([text(child.stdout), text(child.stderr)]);
    assert.doesNotMatch(found, /^seed /m);
    const summary = JSON.parse(output) as Summary;
    t.diagnostic(summaryText(summary));
    assert.equal(summary.seeds, SEEDS);
    assert.ok(summary.fewestOperations >= OPERATIONS_MIN && summary.fewestFaults >= FAULTS_MIN);
    assert.equal(violationsOf(summary), 0);
    assert.deepEqual(missing(summary.faults, FAULTS), []);
    assert.deepEqual(missing(summary.reached, STATES), []);
  });
});
