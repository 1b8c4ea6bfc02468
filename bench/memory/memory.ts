import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type Bench,
  type BenchCase,
  type CaseResult,
  type Goal,
  type Measured,
  medianOf,
  type Scale,
  type Subject,
} from '../frame/bench.ts';
import { FIGURES } from './figures.ts';
import { redis } from './redis.ts';
import { TABLES } from './tables.ts';

const SIZES: Readonly<Record<Scale, readonly number[]>> = {
  smoke: [5_000],
  usual: [100_000, 1_000_000],
  full: [100_000, 1_000_000, 5_000_000, 10_000_000],
};
/** Entries that a goal is about. */
const GOAL_ENTRIES = 5_000_000;
/** From here on a Map takes minutes. */
const LONG_FROM = 5_000_000;
const LONG_ROUNDS_MAX = 3;
const HEAP_MIB_MAX = 12_288;

const run = promisify(execFile);

/** Memory and speed of the entry table alone, each time in a process of its own. */
export const memoryBench: Bench = {
  name: 'memory',
  title: 'the entry table alone: resident memory and CPU time, keys of 16 B, values of 100 B',
  figures: FIGURES,
  charted: ['new', 'get', 'overwrite', 'gc max'],
  cases: (scale) => SIZES[scale].map(caseOf),
  goals,
};

function caseOf(entries: number): BenchCase {
  return {
    name: nameOf(entries),
    subjects: [...Object.keys(TABLES).map((table) => tableSubject(table, entries)), redis(entries)],
    ...(entries >= LONG_FROM && { roundsMax: LONG_ROUNDS_MAX }),
  };
}

function nameOf(entries: number): string {
  return entries < 1_000_000 ? `${entries / 1_000} k entries` : `${entries / 1_000_000} M entries`;
}

function tableSubject(name: string, entries: number): Subject {
  const flags = ['--expose-gc', `--max-old-space-size=${HEAP_MIB_MAX}`, '--import', 'tsx'];
  const child = join(import.meta.dirname, 'table-child.ts');
  return {
    name,
    open: async () => ({
      measure: async () => {
        const { stdout } = await run(process.execPath, [...flags, child, name, `${entries}`]);
        return JSON.parse(stdout) as Measured;
      },
      close: async () => {},
    }),
  };
}

function goals(cases: readonly CaseResult[]): readonly Goal[] {
  const at = { case: nameOf(GOAL_ENTRIES), subject: 'bitacora' };
  const wanted: readonly (readonly [figure: string, atMost: number, text: string])[] = [
    ['new, of key and value', 1.6, 'memory of the bytes of key and value, when new'],
    ['overwritten', 2.1, 'the same after as many random overwrites'],
    ['sizes varied', 2.1, 'the same after as many with values of other sizes'],
    ['stall', 20, 'longest stall, ms'],
    ['gc p99', 10, 'pause of the garbage collector, 99th percentile, ms'],
  ];
  return wanted.flatMap(([figure, atMost, text]) => {
    const value = medianOf(cases, { ...at, figure });
    return value === undefined ? [] : [{ text: `${at.case}: ${text}`, value, atMost }];
  });
}
