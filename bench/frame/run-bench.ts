import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, CaseResult, Scale } from './bench.ts';
import { chartSvg } from './chart.ts';
import { describeMachine } from './machine.ts';
import { type BenchResult, judged, reportText } from './report.ts';
import { runCase } from './rounds.ts';
import { Services } from './services.ts';

const ROUNDS: Readonly<Record<Scale, number>> = { smoke: 1, usual: 3, full: 5 };

export interface RunOptions {
  readonly scale: Scale;
  /** Folder for `<bench>.json` and `<bench>.svg`. */
  readonly resultsIn: string;
  /** What is going on, a line at a time. */
  readonly tell: (line: string) => void;
}

/** Runs all cases of a bench, writes its results and returns them with the report for a terminal. */
export async function runBench(
  bench: Bench,
  { scale, resultsIn, tell }: RunOptions,
): Promise<{ readonly result: BenchResult; readonly report: string }> {
  const machine = describeMachine();
  const startedAt = new Date();
  const cases: CaseResult[] = [];
  const services = new Services();
  try {
    for (const each of bench.cases(scale, services)) {
      const rounds = Math.min(ROUNDS[scale], each.roundsMax ?? Number.POSITIVE_INFINITY);
      cases.push(await runCase(each, rounds, tell));
    }
  } finally {
    await services.close();
  }
  const result: BenchResult = {
    bench: bench.name,
    title: bench.title,
    scale,
    startedAt: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 1_000),
    machine,
    figures: bench.figures,
    cases,
    goals: scale === 'smoke' ? [] : judged(bench, cases),
  };
  mkdirSync(resultsIn, { recursive: true });
  writeFileSync(join(resultsIn, `${bench.name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  writeFileSync(join(resultsIn, `${bench.name}.svg`), chartSvg(result, bench.charted));
  return { result, report: reportText(result) };
}
