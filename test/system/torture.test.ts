import assert from 'node:assert/strict';
import { it } from 'node:test';
import { breakableServices } from '../services/shared.ts';
import { allFaults } from '../torture/faults/all.ts';
import { shortForm } from '../torture/short-form.ts';
import { summaryOf } from '../torture/summary.ts';
import { torture } from '../torture/torture.ts';

const SEED = Number(process.env['TORTURE_SEED'] ?? 4);
const MS_MAX = 6 * 60_000;

it('three nodes keep every promise while all kinds of faults strike', {
  skip: breakableServices(),
  timeout: MS_MAX,
}, async (t) => {
  const lines: string[] = [];
  const result = await torture({
    seed: SEED,
    histories: shortForm,
    say: (line) => lines.push(line),
  });
  for (const line of summaryOf(result).split('\n')) t.diagnostic(line);
  assert.deepEqual(result.violations, [], lines.join('\n'));
  const { operations, struck, counts, impossible } = result;
  const tried = new Set(struck.map(({ name }) => name));
  const kinds = allFaults({ noSmallDisk: impossible[0] }).map(({ name }) => name);
  assert.deepEqual([...tried].sort(), [...kinds, 'topic re-created'].sort());
  for (const what of ['node kills', 'broker kills', 'deletes missed', 'partitions rebuilt']) {
    assert.ok((counts.get(what) ?? 0) > 0, what);
  }
  assert.ok(operations.acknowledged > 2_000, `${operations.acknowledged} acknowledged`);
  for (const reads of ['finalReads', 'peerReads', 'behindReads'] as const) {
    assert.ok(operations[reads] > 0, reads);
  }
});
