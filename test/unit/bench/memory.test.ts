import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memoryBench } from '../../../bench/memory/memory.ts';
import { smokeBench } from '../../helpers/smoke-bench.ts';

describe('the memory bench', () => {
  it('measures every table', async () => {
    const { cases } = await smokeBench(memoryBench);
    const subjects = cases.flatMap((each) => each.subjects);
    const names = ['bitacora', 'Map<string, object>', 'Map<string, Buffer>', 'Redis'];
    assert.deepEqual(
      subjects.map(({ name }) => name),
      names,
    );
    for (const { name, median } of subjects.filter(({ name }) => name !== 'Redis')) {
      assert.ok(Number(median['get']) > 0, `${name}: no figure`);
    }
  });
});
