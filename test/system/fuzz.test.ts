import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fuzz } from '../fuzz/fuzz.ts';
import { summaryText, violationsOf } from '../fuzz/summary.ts';

const FRAMES = 20_000;
const REQUESTS = 5_000;
const SEED = 2_026;

/** The short form of `npm run fuzz`. */
it('both doors bear odd conversations, and a client beside them is served', async (t) => {
  const report = await fuzz({ seed: SEED, frames: FRAMES, requests: REQUESTS });
  for (const line of summaryText(report).split('\n')) t.diagnostic(line);
  assert.deepEqual(violationsOf(report), []);
  const { http, avro, goodClient } = report;
  assert.ok(avro.sent >= FRAMES && http.sent >= REQUESTS);
  assert.ok(avro.mutated > avro.sent / 2 && http.mutated > http.sent / 2, 'most is mutated');
  assert.ok(avro.passed > avro.sent / 2 && http.passed > http.sent / 3, 'much goes deep');
  assert.ok((goodClient?.rounds ?? 0) > 0);
});
