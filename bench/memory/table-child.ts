/**
 * Fills one table in this process and prints its figures as JSON. Arguments: the table's name, the
 * number of entries. Needs --expose-gc. Times are CPU time, the making of keys taken off.
 */
import {
  constants,
  type PerformanceEntry,
  PerformanceObserver,
  performance,
} from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { Measured } from '../frame/bench.ts';
import {
  KEY_BYTES,
  keyOf,
  numbersBelow,
  VALUE_BYTES,
  VARIED_BYTES_MAX,
  VARIED_BYTES_MIN,
} from './figures.ts';
import { TABLES } from './tables.ts';

const READS_MAX = 2_000_000;
const WARM_UPS = 100_000;
/** How many operations a stall is looked for in, as many as one turn of the applier may make. */
const WATCHED = 64;
const VALUES = 256;

const [name = '', count = '0'] = process.argv.slice(2);
const entries = Number(count);
const make = TABLES[name];
const collect = globalThis.gc;
if (make === undefined || collect === undefined) throw new Error(`no table ${name}, or no gc`);

const pauses: number[] = [];
const observer = new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { duration, detail } = entry as PerformanceEntry & { readonly detail: { flags: number } };
    const { flags } = detail;
    if ((flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) === 0) pauses.push(duration);
  }
});

let stall = 0;

/** CPU time of `operations` calls, ns each. */
async function timed(operations: number, operation: (i: number) => void): Promise<number> {
  const begun = process.cpuUsage();
  let wall = performance.now();
  let cpu = cpuMs();
  for (let i = 0; i < operations; i++) {
    operation(i);
    if (i % WATCHED !== WATCHED - 1) continue;
    const [wallNow, cpuNow] = [performance.now(), cpuMs()];
    // Time that others had the processor is no stall of ours, nor is work of helper threads beside us.
    stall = Math.max(stall, Math.min(wallNow - wall, cpuNow - cpu));
    wall = wallNow;
    cpu = cpuNow;
  }
  const { user, system } = process.cpuUsage(begun);
  await turn();
  return ((user + system) * 1_000) / operations;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function residentBytes(): number {
  for (let i = 0; i < 3; i++) collect?.();
  return process.memoryUsage.rss();
}

const values = Array.from({ length: VALUES }, (_, i) => Buffer.alloc(VALUE_BYTES, 97 + (i % 26)));
const varied = Array.from({ length: VARIED_BYTES_MAX - VARIED_BYTES_MIN + 1 }, (_, i) =>
  Buffer.alloc(VARIED_BYTES_MIN + i, 97),
);
const random = numbersBelow(entries);
const sameSize = (i: number) => values[i % VALUES] as Buffer;
const otherSize = (i: number) => varied[i % varied.length] as Buffer;

// The code is compiled and the heap has its usual size before the first entry.
const rehearsed = make();
for (let i = 0; i < WARM_UPS; i++) {
  rehearsed.set(keyOf(i % 1_000), i % 2 === 0 ? sameSize(i) : otherSize(i));
  rehearsed.has(keyOf(i % 2_000));
}
let seen = 0;
const keyNs = await timed(WARM_UPS * 5, () => {
  seen += keyOf(random()).length;
});
const before = residentBytes();

const table = make();
stall = 0;
observer.observe({ entryTypes: ['gc'] });
const reads = Math.min(READS_MAX, entries * 2);
const fillNs = await timed(entries, (i) => table.set(keyOf(i), sameSize(i)));
const filled = residentBytes() - before;
const getNs = await timed(reads, () => {
  seen += table.has(keyOf(random())) ? 1 : 0;
});
const missNs = await timed(reads, () => {
  seen += table.has(keyOf(entries + random())) ? 1 : 0;
});
const overwriteNs = await timed(entries, (i) => table.set(keyOf(random()), sameSize(i)));
const overwritten = residentBytes() - before;
const variedNs = await timed(entries, (i) => table.set(keyOf(random()), otherSize(i)));
const sizesVaried = residentBytes() - before;
await turn();
observer.disconnect();
if (seen !== WARM_UPS * 5 * KEY_BYTES + reads) throw new Error(`${name} lost entries`);

pauses.sort((a, b) => a - b);
const bytes = entries * (KEY_BYTES + VALUE_BYTES);
const figures: Measured = {
  new: filled / entries,
  'new, of key and value': filled / bytes,
  overwritten: overwritten / bytes,
  'sizes varied': sizesVaried / bytes,
  fill: fillNs - keyNs,
  get: getNs - keyNs,
  miss: missNs - keyNs,
  overwrite: overwriteNs - keyNs,
  'overwrite varied': variedNs - keyNs,
  stall,
  'gc p99': pauses[Math.ceil(pauses.length * 0.99) - 1] ?? 0,
  'gc max': pauses.at(-1) ?? 0,
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
