import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rpcGetBench } from '../../../bench/rpc-get/rpc-get.ts';
import { smokeBench } from '../../helpers/smoke-bench.ts';

describe('the rpc-get bench', () => {
  it('measures our client, a raw one, avsc and an echo', async () => {
    const { cases } = await smokeBench(rpcGetBench);
    const subjects = cases.flatMap((each) => each.subjects);
    assert.equal(subjects.length, 4);
    for (const { name, median } of subjects) assert.ok(Number(median['rate']) > 0, name);
  });
});
