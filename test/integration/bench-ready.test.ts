import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readyBench } from '../../bench/ready/ready.ts';
import { smokeBench } from '../helpers/smoke-bench.ts';

describe('the ready bench', () => {
  it('measures cold and warm starts beside a program with a Map', async () => {
    const { cases } = await smokeBench(readyBench);
    const [node, program] = cases.flatMap((each) => each.subjects);
    for (const figure of ['cold', 'after kill -9', 'warm', 'warm, 10 k new']) {
      assert.ok(Number(node?.median[figure]) > 0, figure);
    }
    assert.ok(Number(program?.median['cold']) > 0);
  });
});
