/**
 * `npm run simulate -- --seed N` replays one seed with everything that happens on stderr;
 * `npm run simulate -- --seeds FROM-TO [--jobs N] [--json]` runs a range and prints what was met.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { simulate } from './simulate.ts';
import {
  addOutcome,
  addSummary,
  emptySummary,
  type Summary,
  summaryText,
  violationsOf,
} from './summary.ts';

const SEEDS_DEFAULT = '1-1000';
const PROGRESS_EVERY = 1_000;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    jobs: { type: 'string' },
    json: { type: 'boolean' },
  },
});

async function runOne(seed: number): Promise<boolean> {
  const trace = (line: string) => void process.stderr.write(`${line}\n`);
  const outcome = await simulate(seed, { trace });
  process.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
  return outcome.violations.length === 0;
}

async function runRange(from: number, to: number): Promise<Summary> {
  const summary = emptySummary();
  for (let seed = from; seed <= to; seed++) {
    const outcome = await simulate(seed);
    addOutcome(summary, outcome);
    for (const { checker, detail } of outcome.violations) {
      process.stderr.write(`seed ${seed}: ${checker}: ${detail}\n`);
    }
    if (seed % PROGRESS_EVERY === 0) process.stderr.write(`${seed} done\n`);
  }
  return summary;
}

/** The range in parts, each in a process of its own. */
async function runJobs(from: number, to: number, jobs: number): Promise<Summary> {
  const size = Math.ceil((to - from + 1) / jobs);
  const parts = Array.from({ length: jobs }, async (_, i) => {
    const first = from + i * size;
    const seeds = `${first}-${Math.min(to, first + size - 1)}`;
    const command = [...process.execArgv, import.meta.filename, '--json', '--seeds', seeds];
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    return JSON.parse(output) as Summary;
  });
  const summary = emptySummary();
  for (const part of await Promise.all(parts)) addSummary(summary, part);
  return summary;
}

if (values.seed !== undefined) {
  process.exitCode = (await runOne(Number(values.seed))) ? 0 : 1;
} else {
  const [from = 1, to = from] = (values.seeds ?? SEEDS_DEFAULT).split('-').map(Number);
  const jobs = Number(values.jobs ?? 1);
  const summary = await (jobs > 1 ? runJobs(from, to, jobs) : runRange(from, to));
  process.stdout.write(values.json ? JSON.stringify(summary) : summaryText(summary));
  process.exitCode = violationsOf(summary) > 0 ? 1 : 0;
}
