import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { httpPutBench } from '../../bench/http-put/http-put.ts';
import { smokeBench } from '../helpers/smoke-bench.ts';

describe('the http-put bench', () => {
  it('measures writes on Kafka and on disk', async () => {
    const { cases } = await smokeBench(httpPutBench);
    const names = cases.flatMap(({ subjects }) => subjects.map(({ name }) => name));
    const both = 'node:http and node-rdkafka in one';
    const onKafka = ['bitacora', 'node:http', both, 'node-rdkafka'];
    assert.deepEqual(names.slice(0, 6), [...onKafka, 'bitacora', 'node:http and fdatasync']);
  });
});
