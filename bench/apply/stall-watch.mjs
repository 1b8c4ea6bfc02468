// Loaded into a node before its program: from one SIGUSR2 to the next, how long its event loop was held up.
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const NS_PER_MS = 1e6;
let histogram;

process.on('SIGUSR2', () => {
  if (histogram === undefined) {
    histogram = monitorEventLoopDelay({ resolution: 1 });
    histogram.enable();
    return;
  }
  histogram.disable();
  const figures = {
    p99: histogram.percentile(99) / NS_PER_MS,
    max: histogram.max / NS_PER_MS,
  };
  writeFileSync(process.env.BENCH_STALLS, JSON.stringify(figures));
  histogram = undefined;
});
