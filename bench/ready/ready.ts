import { temporaryDirectory } from '../../test/helpers/temporary-directory.ts';
import { TestNode } from '../../test/helpers/test-node.ts';
import { BenchChild } from '../common/bench-child.ts';
import { cpuUs, residentBytes } from '../common/process-cpu.ts';
import type { Absent } from '../frame/absent.ts';
import {
  type Bench,
  type BenchCase,
  type CaseResult,
  type Goal,
  type Measured,
  medianOf,
  type Probe,
  type Scale,
} from '../frame/bench.ts';
import type { Services } from '../frame/services.ts';
import { filledTopic, produceAll } from '../kafka/fill-topic.ts';
import type { RawRead } from '../kafka/raw-reader.ts';
import type { ReaderQuestion } from '../kafka/reader-child.ts';
import { nodeOn } from '../kafka/topics.ts';

const SIZES: Readonly<Record<Scale, readonly number[]>> = {
  smoke: [5_000],
  usual: [100_000, 1_000_000],
  full: [100_000, 1_000_000, 5_000_000],
};
const NEW_RECORDS = 10_000;
const VALUE_BYTES = 100;
const READY_MS_MAX = 600_000;
const LONG_FROM = 1_000_000;
const LONG_ROUNDS_MAX = 2;
const GOAL_WARM_MAX = 2;
/** Records a second that a cold start takes over at least: so many us each. */
const GOAL_COLD_US_MAX = 1e6 / 150_000;
const MIB = 2 ** 20;
const READER = new URL('../kafka/reader-child.ts', import.meta.url);

interface OnTopic {
  readonly brokers: string;
  readonly topic: string;
  readonly keys: number;
}

/** How long a node takes from the start of its process until /health says OK. */
export const readyBench: Bench = {
  name: 'ready',
  title:
    'from the start of the process to /health OK, keys of 16 B, values of 100 B, 12 partitions',
  figures: [
    { name: 'cold', unit: 's', digits: 2 },
    { name: 'cold, each', unit: 'us/rec', digits: 2 },
    { name: 'after kill -9', unit: 's', digits: 2 },
    { name: 'warm', unit: 's', digits: 2 },
    { name: 'warm, 10 k new', unit: 's', digits: 2 },
    { name: 'warm, CPU', unit: 's', digits: 2 },
    { name: 'resident', unit: 'MiB' },
  ],
  charted: ['cold', 'warm'],
  cases: (scale, services) => SIZES[scale].map((keys) => caseOf(keys, services)),
  goals,
};

function caseOf(keys: number, services: Services): BenchCase {
  let filled: Promise<string> | undefined;
  const open = async (measure: (of: OnTopic) => Promise<Measured>): Promise<Probe | Absent> => {
    const kafka = await services.kafka();
    if ('absent' in kafka) return kafka;
    const { brokers } = kafka;
    filled ??= filledTopic(brokers, { records: keys, keys, valueBytes: VALUE_BYTES });
    const topic = await filled;
    return { measure: () => measure({ brokers, topic, keys }), close: async () => {} };
  };
  return {
    name: nameOf(keys),
    subjects: [
      { name: 'bitacora', open: () => open(measureNode) },
      { name: 'program with a Map', open: () => open(measureProgram) },
    ],
    ...(keys >= LONG_FROM && { roundsMax: LONG_ROUNDS_MAX }),
  };
}

function nameOf(keys: number): string {
  return keys < 1e6 ? `${keys / 1e3} k keys` : `${keys / 1e6} M keys`;
}

async function measureNode({ brokers, topic, keys }: OnTopic): Promise<Measured> {
  const data = await temporaryDirectory('ready');
  const node = await TestNode.make({ env: nodeOn(brokers, topic), dataDir: data.path });
  try {
    const cold = await secondsToReady(node);
    const resident = residentBytes(node.pid) / MIB;
    const line = node.log.findLast((each) => each.includes('"msg":"recovered"')) ?? '{}';
    const { seconds } = JSON.parse(line) as { seconds: number };
    await node.kill('SIGKILL');
    const killed = await secondsToReady(node);
    await node.stop();
    const warm = await secondsToReady(node);
    const warmCpu = cpuUs(node.pid) / 1e6;
    await node.stop();
    await produceAll(brokers, topic, { records: NEW_RECORDS, keys, valueBytes: VALUE_BYTES });
    const withNew = await secondsToReady(node);
    return {
      cold,
      'cold, each': (seconds * 1e6) / keys,
      'after kill -9': killed,
      warm,
      'warm, 10 k new': withNew,
      'warm, CPU': warmCpu,
      resident,
    };
  } finally {
    await node.dispose();
    await data.remove();
  }
}

async function secondsToReady(node: TestNode): Promise<number> {
  const begun = performance.now();
  await node.listen();
  await node.untilHealthy(READY_MS_MAX);
  return (performance.now() - begun) / 1_000;
}

/** Reading alone, without the start of its process. Every start is a cold one. */
async function measureProgram({ brokers, topic, keys }: OnTopic): Promise<Measured> {
  const question: ReaderQuestion = { kind: 'map', brokers, topic, records: keys };
  const { child, ready: read } = await BenchChild.start<RawRead>(READER, question);
  try {
    const { seconds, records } = read;
    const resident = residentBytes(child.pid) / MIB;
    return { cold: seconds, 'cold, each': (seconds * 1e6) / records, warm: seconds, resident };
  } finally {
    await child.stop();
  }
}

function goals(cases: readonly CaseResult[]): readonly Goal[] {
  const subject = 'bitacora';
  return cases.flatMap(({ name }) => {
    const warm = ['warm', 'after kill -9', 'warm, 10 k new'].flatMap((figure) => {
      const value = medianOf(cases, { case: name, subject, figure });
      return value === undefined
        ? []
        : [{ text: `${name}: ${figure}, s`, value, atMost: GOAL_WARM_MAX }];
    });
    const value = medianOf(cases, { case: name, subject, figure: 'cold, each' });
    if (value === undefined) return warm;
    return [...warm, { text: `${name}: cold, us a record`, value, atMost: GOAL_COLD_US_MAX }];
  });
}
