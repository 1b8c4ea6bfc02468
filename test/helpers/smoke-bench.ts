import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../../bench/frame/bench.ts';
import type { BenchResult } from '../../bench/frame/report.ts';
import { runBench } from '../../bench/frame/run-bench.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/**
 * The result of a bench in its smallest form, as it was written. Each subject has the first figure, or
 * says why it is absent; ours are never absent.
 */
export async function smokeBench(bench: Bench): Promise<BenchResult> {
  const directory = await temporaryDirectory('bench');
  try {
    const { report } = await runBench(bench, {
      scale: 'smoke',
      resultsIn: directory.path,
      tell: () => {},
    });
    const file = (extension: string) =>
      readFileSync(join(directory.path, `${bench.name}.${extension}`), 'utf8');
    assert.match(file('svg'), /^<svg [\s\S]*<\/svg>\n$/);
    const result = JSON.parse(file('json')) as BenchResult;
    for (const { name: of, subjects } of result.cases) {
      for (const { name, absent, median } of subjects) {
        assert.ok(report.includes(name), `${of}: ${name} is not reported`);
        if (absent !== undefined) assert.ok(!name.startsWith('bitacora'), absent);
        else assert.ok(hasFigure(bench, median), `${of}: ${name} has no figure`);
      }
    }
    return result;
  } finally {
    await directory.remove();
  }
}

function hasFigure({ figures }: Bench, median: Readonly<Record<string, number>>): boolean {
  return figures.some(({ name }) => Number(median[name]) >= 0);
}
