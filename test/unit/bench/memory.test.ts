import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { BenchResult } from '../../../bench/frame/report.ts';
import { runBench } from '../../../bench/frame/run-bench.ts';
import { memoryBench } from '../../../bench/memory/memory.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../helpers/temporary-directory.ts';

describe('the memory bench', () => {
  let directory: TemporaryDirectory;

  before(async () => {
    directory = await temporaryDirectory('bench');
  });

  after(() => directory.remove());

  it('measures every table and writes its results', async () => {
    const { report } = await runBench(memoryBench, {
      scale: 'smoke',
      resultsIn: directory.path,
      tell: () => {},
    });
    const file = (name: string) => readFileSync(join(directory.path, name), 'utf8');
    const { cases } = JSON.parse(file('memory.json')) as BenchResult;
    const subjects = cases.flatMap((each) => each.subjects);
    const names = ['bitacora', 'Map<string, object>', 'Map<string, Buffer>', 'Redis'];
    assert.deepEqual(
      subjects.map(({ name }) => name),
      names,
    );
    for (const { name, absent, median } of subjects) {
      assert.ok(report.includes(name));
      assert.ok(absent !== undefined || Number(median['get']) > 0, `${name}: no figure`);
    }
    assert.match(file('memory.svg'), /^<svg [\s\S]*bitacora[\s\S]*<\/svg>\n$/);
  });
});
