import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../test/helpers/eventually.ts';
import { temporaryDirectory } from '../../test/helpers/temporary-directory.ts';
import { TestNode } from '../../test/helpers/test-node.ts';
import { BenchChild } from '../common/bench-child.ts';
import { percentile } from '../common/percentile.ts';
import { cpuUs, residentBytes } from '../common/process-cpu.ts';
import type { Absent } from '../frame/absent.ts';
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
import type { Services } from '../frame/services.ts';
import { type Filling, filledTopic } from '../kafka/fill-topic.ts';
import type { RawRead } from '../kafka/raw-reader.ts';
import type { ReaderKind, ReaderQuestion } from '../kafka/reader-child.ts';
import { nodeOn } from '../kafka/topics.ts';
import { keyOf } from '../memory/figures.ts';
import { SlowReads } from './slow-reads.ts';

interface ApplyCase extends Filling {
  readonly name: string;
}

const UNIQUE_1M = { name: '1 M, unique keys', records: 1e6, keys: 1e6, valueBytes: 100 };
const UNIQUE_5M = { name: '5 M, unique keys', records: 5e6, keys: 5e6, valueBytes: 100 };
const HOT_1M = { name: '1 M, 100 k hot keys', records: 1e6, keys: 1e5, valueBytes: 100 };
const HOT_5M = { name: '5 M, 100 k hot keys', records: 5e6, keys: 1e5, valueBytes: 100 };
const LARGE = { name: '200 k of 1 KB, unique keys', records: 2e5, keys: 2e5, valueBytes: 1_000 };
const TINY = { name: '5 k, unique keys', records: 5e3, keys: 5e3, valueBytes: 100 };

const CASES: Readonly<Record<Scale, readonly ApplyCase[]>> = {
  smoke: [TINY],
  usual: [UNIQUE_1M, HOT_1M, LARGE],
  full: [UNIQUE_1M, UNIQUE_5M, HOT_1M, HOT_5M, LARGE],
};
/** From here on a round takes minutes. */
const LONG_FROM = 5e6;
const LONG_ROUNDS_MAX = 3;
/** The rate of counting alone, of ours: 0.6 of it is wanted. */
const GOAL_RATE_MAX = 1 / 0.6;
const GOAL_STALL_MS_MAX = 20;
const READER = new URL('../kafka/reader-child.ts', import.meta.url);
const STALL_WATCH = new URL('stall-watch.mjs', import.meta.url);
const RECOVERY_MS_MAX = 300_000;
const MIB = 2 ** 20;

/** How fast a node takes a topic over, into storage and memory. */
export const applyBench: Bench = {
  name: 'apply',
  title: 'a whole topic of 12 partitions, keys of 16 B, into storage and memory, GETs beside it',
  figures: [
    { name: 'rate', unit: 'k rec/s' },
    { name: 'cpu', unit: 'us/rec', digits: 1 },
    { name: 'stall p99', unit: 'ms', digits: 1 },
    { name: 'stall max', unit: 'ms', digits: 1 },
    { name: 'GET p99', unit: 'ms', digits: 1 },
    { name: 'resident', unit: 'MiB' },
  ],
  charted: ['rate', 'cpu'],
  cases: (scale, services) => CASES[scale].map((of) => caseOf(of, services)),
  goals,
};

function caseOf(of: ApplyCase, services: Services): BenchCase {
  let filled: Promise<string> | undefined;
  const topicOf = async (): Promise<{ brokers: string; topic: string } | Absent> => {
    const kafka = await services.kafka();
    if ('absent' in kafka) return kafka;
    filled ??= filledTopic(kafka.brokers, of);
    return { brokers: kafka.brokers, topic: await filled };
  };
  const reader = (name: string, kind: ReaderKind): Subject => ({
    name,
    open: async () => {
      const given = await topicOf();
      if ('absent' in given) return given;
      const question = { kind, ...given, records: of.records };
      return { measure: () => measureReader(question), close: async () => {} };
    },
  });
  return {
    name: of.name,
    subjects: [
      {
        name: 'bitacora',
        open: async () => {
          const given = await topicOf();
          if ('absent' in given) return given;
          const env = nodeOn(given.brokers, given.topic);
          return { measure: () => measureNode(of, env), close: async () => {} };
        },
      },
      reader('node-rdkafka, counting', 'count'),
      reader('node-rdkafka into a Map', 'map'),
      reader('@platformatic/kafka into a Map', 'platformatic map'),
    ],
    ...(of.records >= LONG_FROM && { roundsMax: LONG_ROUNDS_MAX }),
  };
}

async function measureNode(
  of: ApplyCase,
  env: Readonly<Record<string, string>>,
): Promise<Measured> {
  const folder = await temporaryDirectory('stalls');
  const stalls = join(folder.path, 'stalls.json');
  const node = await TestNode.make({
    env: { ...env, NODE_OPTIONS: `--import=${STALL_WATCH.href}`, BENCH_STALLS: stalls },
  });
  try {
    await node.listen();
    node.signal('SIGUSR2');
    const cpu = cpuUs(node.pid);
    const path = (n: number) => `/rpc/cluster?key=${keyOf((n * 7_919) % of.keys)}`;
    const reads = await SlowReads.start(Number(node.http.split(':')[1]), path);
    await node.untilHealthy(RECOVERY_MS_MAX);
    const used = cpuUs(node.pid) - cpu;
    const latencies = reads.stop();
    node.signal('SIGUSR2');
    await eventually('the node tells its stalls', () => existsSync(stalls));
    const told = () => JSON.parse(readFileSync(stalls, 'utf8')) as { p99: number; max: number };
    const stall = await eventually('the stalls are written', told);
    const line = node.log.findLast((each) => each.includes('"msg":"recovered"')) ?? '{}';
    const { records, seconds } = JSON.parse(line) as { records: number; seconds: number };
    return {
      rate: records / seconds / 1_000,
      cpu: used / of.records,
      'stall p99': stall.p99,
      'stall max': stall.max,
      'GET p99': percentile(latencies, 0.99),
      resident: residentBytes(node.pid) / MIB,
    };
  } finally {
    await node.dispose();
    rmSync(folder.path, { recursive: true, force: true });
  }
}

async function measureReader(question: ReaderQuestion): Promise<Measured> {
  // A new process each time: memory that a former round has used would be there already.
  const { child, ready: read } = await BenchChild.start<RawRead>(READER, question);
  try {
    const resident = residentBytes(child.pid) / MIB;
    return { rate: read.records / read.seconds / 1_000, cpu: read.cpuUs / read.records, resident };
  } finally {
    await child.stop();
  }
}

function goals(cases: readonly CaseResult[]): readonly Goal[] {
  return cases.flatMap(({ name }) => {
    const figure = (subject: string, of: string) =>
      medianOf(cases, { case: name, subject, figure: of });
    const [ours, counting] = [figure('bitacora', 'rate'), figure('node-rdkafka, counting', 'rate')];
    const stall = figure('bitacora', 'stall p99');
    if (ours === undefined || counting === undefined || stall === undefined) return [];
    return [
      { text: `${name}: rate of counting, of ours`, value: counting / ours, atMost: GOAL_RATE_MAX },
      { text: `${name}: stall p99, ms`, value: stall, atMost: GOAL_STALL_MS_MAX },
    ];
  });
}
