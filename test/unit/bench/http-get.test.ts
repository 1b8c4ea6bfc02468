import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { httpGetBench } from '../../../bench/http-get/http-get.ts';
import { smokeBench } from '../../helpers/smoke-bench.ts';

describe('the http-get bench', () => {
  it('measures a node, the runtime alone and what can be installed', async () => {
    const { cases } = await smokeBench(httpGetBench);
    const subjects = cases[0]?.subjects.map(({ name }) => name);
    const own = ['bitacora', 'node:http', 'node:http, ready bytes', 'express'];
    assert.deepEqual(subjects, [...own, 'Redis', 'NATS KV', 'etcd']);
    for (const { subjects } of cases) {
      for (const { name, median } of subjects.filter(({ name }) => own.includes(name))) {
        // CPU time is told in ticks of 10 ms: a quick machine may have used none.
        assert.ok(Number(median['cpu']) >= 0 && Number(median['rate']) > 0, name);
      }
    }
  });
});
