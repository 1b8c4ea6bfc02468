/**
 * `npm run fuzz -- --frames N --requests N --seed S`: odd conversations with both doors of a node
 * of the built program, and a summary. `--only http:INDEX` (or `avro:INDEX`, as violations name
 * them) shows one conversation of the seed and what a fresh node answers.
 */
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz.ts';
import { replay } from './replay.ts';
import { summaryText, violationsOf } from './summary.ts';

const FRAMES = '1000000';
const REQUESTS = '100000';
const PROGRESS_EVERY = 20;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    frames: { type: 'string', default: FRAMES },
    requests: { type: 'string', default: REQUESTS },
    only: { type: 'string' },
  },
});
const seed = Number(values.seed);

if (values.only !== undefined) {
  process.stdout.write(await replay(seed, values.only));
} else {
  let told = 0;
  const tell = (progress: string) => {
    if (told++ % PROGRESS_EVERY === 0) process.stderr.write(`${progress}\n`);
  };
  const [frames, requests] = [Number(values.frames), Number(values.requests)];
  const report = await fuzz({ seed, frames, requests, tell });
  process.stdout.write(summaryText(report));
  process.exitCode = violationsOf(report).length > 0 ? 1 : 0;
}
