import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FAULTS } from '../../simulation/faults.ts';
import { STATES } from '../../simulation/reached.ts';
import { FAULTS_MIN, OPERATIONS_MIN, type Outcome, simulate } from '../../simulation/simulate.ts';
import { addOutcome, emptySummary, missing, summaryText } from '../../simulation/summary.ts';

const SEEDS = 1_000;

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

  it('runs other seeds in other ways', async () => {
    const one = await simulate(1);
    const two = await simulate(2);
    assert.notDeepEqual(one.reached, two.reached);
  });

  it(`finds nothing wrong in ${SEEDS} seeds that meet every fault and every state`, async (t) => {
    const summary = emptySummary();
    const found: string[] = [];
    for (let seed = 1; seed <= SEEDS; seed++) {
      const outcome = await simulate(seed);
      addOutcome(summary, outcome);
      const faults = Object.values(outcome.faults).reduce((sum, count) => sum + count, 0);
      assert.ok(outcome.operations >= OPERATIONS_MIN && faults >= FAULTS_MIN, `seed ${seed}`);
      for (const { checker, detail } of outcome.violations) {
        found.push(`npm run simulate -- --seed ${seed}: ${checker}: ${detail}`);
      }
    }
    t.diagnostic(summaryText(summary));
    assert.deepEqual(found, []);
    assert.deepEqual(missing(summary.faults, FAULTS), []);
    assert.deepEqual(missing(summary.reached, STATES), []);
  });
});
