import { Pool } from 'undici';
import { TestNode } from '../../test/helpers/test-node.ts';
import { BenchChild } from '../common/bench-child.ts';
import { percentile } from '../common/percentile.ts';
import { cpuUs } from '../common/process-cpu.ts';
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
import { valueText } from '../http-get/sizes.ts';
import { benchTopic, nodeOn } from '../kafka/topics.ts';
import { keyOf } from '../memory/figures.ts';
import { atRate } from './at-rate.ts';
import type { VisibilityFigures, VisibilityQuestion } from './visibility-question.ts';

const RATES: Readonly<Record<Scale, readonly number[]>> = {
  smoke: [50],
  usual: [50, 2_000],
  full: [50, 2_000],
};
const MS: Readonly<Record<Scale, number>> = { smoke: 500, usual: 4_000, full: 15_000 };
const VALUE = valueText(100);
const CONNECTIONS = 64;
const WARM_UP_WRITES = 200;
const GOAL_P50_MAX = 1.5;
const GOAL_P99_MAX = 2;
const RAW = new URL('raw-child.ts', import.meta.url);

/** How long after its acknowledgement on one node a write can be read on another. */
export const visibilityBench: Bench = {
  name: 'visibility',
  title: 'a write on node A until it is read on node B; of node-rdkafka from produce to consume',
  figures: [
    { name: 'acked to read p50', unit: 'ms', digits: 2 },
    { name: 'acked to read p99', unit: 'ms', digits: 2 },
    { name: 'sent to read p50', unit: 'ms', digits: 2 },
    { name: 'sent to read p99', unit: 'ms', digits: 2 },
    { name: 'cpu of A', unit: 'us/op', digits: 1 },
    { name: 'cpu of B', unit: 'us/op', digits: 1 },
  ],
  charted: ['acked to read p50', 'sent to read p50', 'sent to read p99'],
  cases: (scale, services) =>
    RATES[scale].map((perSecond) => caseOf(perSecond, MS[scale], services)),
  goals,
};

function caseOf(perSecond: number, ms: number, services: Services): BenchCase {
  return {
    name: nameOf(perSecond),
    subjects: [
      { name: 'bitacora', open: () => nodes(services, { perSecond, ms }) },
      {
        name: 'node-rdkafka',
        open: async () => {
          const kafka = await services.kafka();
          if ('absent' in kafka) return kafka;
          const topic = await benchTopic(kafka.brokers);
          const question = { brokers: kafka.brokers, topic, perSecond, ms, value: VALUE };
          return { measure: () => measureRaw(question), close: async () => {} };
        },
      },
    ],
  };
}

function nameOf(perSecond: number): string {
  return `${perSecond} writes/s`;
}

async function nodes(
  services: Services,
  pace: { readonly perSecond: number; readonly ms: number },
): Promise<Probe | Absent> {
  const kafka = await services.kafka();
  if ('absent' in kafka) return kafka;
  const env = nodeOn(kafka.brokers, await benchTopic(kafka.brokers));
  const a = await TestNode.start({ env });
  const b = await TestNode.start({ env }).catch(async (error: unknown) => {
    await a.dispose();
    throw error;
  });
  const pools = [a, b].map(
    ({ http }) => new Pool(`http://${http}`, { connections: CONNECTIONS }),
  ) as [Pool, Pool];
  return {
    measure: () => measureNodes([a, b], pools, pace),
    close: async () => {
      for (const pool of pools) await pool.destroy();
      await Promise.all([a.dispose(), b.dispose()]);
    },
  };
}

async function measureNodes(
  [a, b]: readonly [TestNode, TestNode],
  [toA, toB]: readonly [Pool, Pool],
  pace: { readonly perSecond: number; readonly ms: number },
): Promise<Measured> {
  const acked: number[] = [];
  const sent: number[] = [];
  const writeAndRead = async (key: string): Promise<void> => {
    const sentAt = performance.now();
    const version = await write(toA, key);
    const ackedAt = performance.now();
    await read(toB, key, version);
    const readAt = performance.now();
    acked.push(readAt - ackedAt);
    sent.push(readAt - sentAt);
  };
  for (let n = 0; n < WARM_UP_WRITES; n++) await writeAndRead(keyOf(n));
  acked.length = 0;
  sent.length = 0;
  const under: Promise<void>[] = [];
  const before = [cpuUs(a.pid), cpuUs(b.pid)];
  await atRate(pace, (n) => under.push(writeAndRead(keyOf(n))));
  await Promise.all(under);
  const cpu = [a, b].map(({ pid }, i) => (cpuUs(pid) - (before[i] ?? 0)) / under.length);
  return {
    'acked to read p50': percentile(acked, 0.5),
    'acked to read p99': percentile(acked, 0.99),
    'sent to read p50': percentile(sent, 0.5),
    'sent to read p99': percentile(sent, 0.99),
    'cpu of A': cpu[0] ?? 0,
    'cpu of B': cpu[1] ?? 0,
  };
}

/** Its version. */
async function write(pool: Pool, key: string): Promise<string> {
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path: `/rpc?key=${key}`,
    headers: { 'content-type': 'application/octet-stream' },
    body: VALUE,
  });
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`not written: ${text}`);
  return (JSON.parse(text) as { version: string }).version;
}

/** Waits on the node until it has that version: the moment when any read there gives it. */
async function read(pool: Pool, key: string, version: string): Promise<void> {
  const { statusCode, body } = await pool.request({
    method: 'GET',
    path: `/rpc?key=${key}`,
    headers: { 'bitacora-after': version },
  });
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`not read: ${text}`);
}

async function measureRaw(question: VisibilityQuestion): Promise<Measured> {
  const { child, ready } = await BenchChild.start<VisibilityFigures>(RAW, question);
  await child.stop();
  return { 'sent to read p50': ready.p50, 'sent to read p99': ready.p99 };
}

function goals(cases: readonly CaseResult[]): readonly Goal[] {
  return cases.flatMap(({ name }) =>
    [
      { percent: 'p50', atMost: GOAL_P50_MAX },
      { percent: 'p99', atMost: GOAL_P99_MAX },
    ].flatMap(({ percent, atMost }) => {
      const figure = (subject: string, what: string) =>
        medianOf(cases, { case: name, subject, figure: `${what} ${percent}` });
      const ours = figure('bitacora', 'acked to read');
      const raw = figure('node-rdkafka', 'sent to read');
      if (ours === undefined || raw === undefined) return [];
      const text = `${name}: acked to read ${percent}, of produce to consume`;
      return [{ text, value: ours / raw, atMost }];
    }),
  );
}
