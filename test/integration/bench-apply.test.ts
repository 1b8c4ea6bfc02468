import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applyBench } from '../../bench/apply/apply.ts';
import { smokeBench } from '../helpers/smoke-bench.ts';

describe('the apply bench', () => {
  it('measures a node that takes over a topic, and readers that keep less', async () => {
    const { cases } = await smokeBench(applyBench);
    const subjects = cases.flatMap((each) => each.subjects);
    assert.equal(subjects.length, 4);
    for (const { name, median } of subjects) assert.ok(Number(median['rate']) > 0, name);
    assert.ok(Number(subjects[0]?.median['stall max']) > 0);
  });
});
