/** Runs the seeds `FROM-TO` and ends with 1 at the first violation, which it prints. */
import { simulate } from '../simulation/simulate.ts';

const [from = 1, to = from] = (process.argv[2] ?? '').split('-').map(Number);
for (let seed = from; seed <= to && process.exitCode === undefined; seed++) {
  const [violation] = (await simulate(seed)).violations;
  if (violation === undefined) continue;
  process.stdout.write(`seed ${seed}: ${violation.checker}: ${violation.detail}\n`);
  process.exitCode = 1;
}
