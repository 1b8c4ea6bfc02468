/**
 * Real nodes under faults, for as long as is wanted:
 * `npm run torture -- [--minutes 60] [--seed N] [--only 'fault,fault'] [--seconds FILE]`.
 * A seed chooses the faults, their targets and their lengths; processes and networks take their own time.
 * `--seconds`: availability second for second, as NDJSON.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { allFaults } from './faults/all.ts';
import type { Fault } from './faults/fault.ts';
import { summaryOf } from './summary.ts';
import { type Round, torture } from './torture.ts';
import type { World } from './world.ts';

const ROUNDS_PER_HISTORY = 16;
/** How often two faults strike together. */
const TOGETHER = 0.3;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string' },
    seconds: { type: 'string' },
  },
});
const seed = Number(values.seed);
const endsAt = performance.now() + Number(values.minutes) * 60_000;
const say = (line: string) => {
  process.stdout.write(`${(performance.now() / 1_000).toFixed(1).padStart(7)} s  ${line}\n`);
};

function chosen(world: World): Fault[] {
  const all = allFaults(world);
  if (values.only === undefined) return all;
  const names = values.only.split(',');
  const unknown = names.filter((name) => !all.some((fault) => fault.name === name));
  if (unknown.length > 0) {
    throw new Error(`no fault ${unknown}; there are: ${all.map(({ name }) => name).join(', ')}`);
  }
  return all.filter(({ name }) => names.includes(name));
}

/** Every fault once in a random order, then again; never twice the same in one round. */
function* endlessly(faults: readonly Fault[], { random }: World): Generator<Fault> {
  for (;;) {
    const bag = [...faults];
    while (bag.length > 0) yield* bag.splice(random.integer(0, bag.length - 1), 1);
  }
}

function* rounds(faults: Iterator<Fault>, { random }: World): Generator<Round> {
  for (let i = 0; i < ROUNDS_PER_HISTORY && performance.now() < endsAt; i++) {
    const count = random.chance(TOGETHER) ? 2 : 1;
    yield Array.from({ length: count }, () => faults.next().value as Fault);
  }
}

function* histories(world: World): Generator<Iterable<Round>> {
  const faults = endlessly(chosen(world), world);
  do yield rounds(faults, world);
  while (performance.now() < endsAt);
}

say(`seed ${seed}`);
const result = await torture({ seed, histories, say });
process.stdout.write(`\n${summaryOf(result)}\n`);
if (values.seconds !== undefined) {
  const lines = result.availability
    .seconds()
    .map(([second, counts]) => `${JSON.stringify({ second, ...counts })}\n`);
  await writeFile(values.seconds, lines.join(''));
}
process.exitCode = result.violations.length > 0 ? 1 : 0;
