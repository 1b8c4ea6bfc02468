import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { visibilityBench } from '../../bench/visibility/visibility.ts';
import { smokeBench } from '../helpers/smoke-bench.ts';

describe('the visibility bench', () => {
  it('measures two nodes, and a producer with its consumer', async () => {
    const { cases } = await smokeBench(visibilityBench);
    const subjects = cases.flatMap((each) => each.subjects);
    for (const { name, median } of subjects) {
      assert.ok(Number(median['sent to read p50']) > 0, name);
    }
    assert.equal(subjects.length, 2);
  });
});
