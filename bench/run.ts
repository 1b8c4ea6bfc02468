/**
 * `npm run bench` runs all benches, `npm run bench -- NAME ...` those named.
 * `-- --full`: all sizes and rounds; `-- --smoke`: only whether they work; `-- --out FOLDER`: where the results
 * go instead of bench/results.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BENCHES } from './benches.ts';
import { runBench } from './frame/run-bench.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { full: { type: 'boolean' }, smoke: { type: 'boolean' }, out: { type: 'string' } },
});
const unknown = positionals.filter((name) => !BENCHES.some((bench) => bench.name === name));
if (unknown.length > 0) {
  const known = BENCHES.map(({ name }) => name).join(', ');
  process.stderr.write(`no such bench: ${unknown.join(', ')} (there are: ${known})\n`);
  process.exit(2);
}
const scale = values.smoke ? 'smoke' : values.full ? 'full' : 'usual';
for (const bench of BENCHES) {
  if (positionals.length > 0 && !positionals.includes(bench.name)) continue;
  const { report } = await runBench(bench, {
    scale,
    resultsIn: values.out ?? join(import.meta.dirname, 'results'),
    tell: (line) => void process.stderr.write(`${bench.name}: ${line}\n`),
  });
  process.stdout.write(`\n${report}`);
}
