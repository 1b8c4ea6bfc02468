import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { peersBench } from '../../bench/peers/peers.ts';
import { smokeBench } from '../helpers/smoke-bench.ts';

describe('the peers bench', () => {
  it('measures a node that is behind, a peer, undici, and a bare forwarder', async () => {
    const { cases } = await smokeBench(peersBench);
    const subjects = cases.flatMap((each) => each.subjects);
    assert.equal(subjects.length, 4);
    for (const { name, median } of subjects) assert.ok(Number(median['p50']) > 0, name);
  });
});
