/**
 * `npm run simulate -- --seed N` replays one seed with its log on stderr;
 * `npm run simulate -- --seeds FROM-TO` runs a range and prints what was met.
 */
import { parseArgs } from 'node:util';
import { createLogger } from '../../src/logger.ts';
import { type Outcome, simulate } from './simulate.ts';
import { summarise, summaryText } from './summary.ts';

const { values } = parseArgs({
  options: { seed: { type: 'string' }, seeds: { type: 'string' } },
});

if (values.seed !== undefined) {
  const outcome = await simulate(Number(values.seed), createLogger('debug', true));
  process.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
  process.exitCode = outcome.violations.length > 0 ? 1 : 0;
} else {
  const [from = 1, to = 1_000] = (values.seeds ?? '').split('-').filter(Boolean).map(Number);
  const outcomes: Outcome[] = [];
  for (let seed = from; seed <= to; seed++) {
    const outcome = await simulate(seed);
    outcomes.push(outcome);
    for (const { checker, detail } of outcome.violations) {
      process.stdout.write(`seed ${seed}: ${checker}: ${detail}\n`);
    }
    if (seed % 1_000 === 0) process.stderr.write(`${seed}\n`);
  }
  const summary = summarise(outcomes);
  process.stdout.write(summaryText(summary));
  process.exitCode = summary.violations > 0 ? 1 : 0;
}
