import { rm } from 'node:fs/promises';
import { TestNode } from '../../test/helpers/test-node.ts';
import type { Anchor } from '../anchors/anchor.ts';
import { startEtcd } from '../anchors/etcd.ts';
import { startNats } from '../anchors/nats.ts';
import { startRedis } from '../anchors/redis.ts';
import { BenchChild } from '../common/bench-child.ts';
import { httpDialect, postRequest } from '../common/http-dialect.ts';
import { type DialectOf, DURATIONS, type LoadFigures, load } from '../common/load.ts';
import { LOAD_FIGURES, measuredLoad } from '../common/load-figures.ts';
import type { Absent } from '../frame/absent.ts';
import {
  type Bench,
  type BenchCase,
  type CaseResult,
  type Goal,
  medianOf,
  type Probe,
  type Scale,
  type Subject,
} from '../frame/bench.ts';
import type { Services } from '../frame/services.ts';
import { valueText } from '../http-get/sizes.ts';
import { benchTopic, nodeOn } from '../kafka/topics.ts';
import { keyOf } from '../memory/figures.ts';
import type { BareLog } from './bare-server.ts';
import type { ProduceQuestion } from './raw-produce.ts';

const IN_FLIGHT: Readonly<Record<Scale, readonly number[]>> = {
  smoke: [4],
  usual: [1, 64, 512],
  full: [1, 64, 512],
};
const KEYS = 10_000;
const VALUE = valueText(100);
/** Over what the runtime and the log's client cost alone, us. */
const GOAL_US_MAX = 5;
const GOAL_LATENCY_MAX = 1.3;
const BARE_SERVER = new URL('bare-server.ts', import.meta.url);
const RAW_PRODUCE = new URL('raw-produce.ts', import.meta.url);

interface PutCase {
  readonly inFlight: number;
  readonly scale: Scale;
}

/** What an acknowledged write over HTTP costs a node, reading it back and applying it included. */
export const httpPutBench: Bench = {
  name: 'http-put',
  title: 'POST /rpc, 100 B, acknowledged; CPU time of the server process',
  figures: LOAD_FIGURES,
  charted: ['cpu', 'p50'],
  cases: (scale, services) => [
    ...IN_FLIGHT[scale].map((inFlight) => kafkaCase({ inFlight, scale }, services)),
    ...IN_FLIGHT[scale].map((inFlight) => diskCase({ inFlight, scale })),
  ],
  goals,
};

function kafkaCase(of: PutCase, services: Services): BenchCase {
  return {
    name: nameOf('Kafka', of.inFlight),
    subjects: [
      {
        name: 'bitacora',
        open: async () => {
          const kafka = await services.kafka();
          if ('absent' in kafka) return kafka;
          const topic = await benchTopic(kafka.brokers);
          return nodeProbe(of, nodeOn(kafka.brokers, topic));
        },
      },
      bareSubject('node:http', of, async () => 'none'),
      bareSubject('node:http and node-rdkafka in one', of, async () => {
        const kafka = await services.kafka();
        if ('absent' in kafka) return kafka;
        return { brokers: kafka.brokers, topic: await benchTopic(kafka.brokers) };
      }),
      {
        name: 'node-rdkafka',
        open: async () => {
          const kafka = await services.kafka();
          if ('absent' in kafka) return kafka;
          const topic = await benchTopic(kafka.brokers);
          return produceProbe(of, { brokers: kafka.brokers, topic });
        },
      },
    ],
  };
}

function diskCase(of: PutCase): BenchCase {
  return {
    name: nameOf('on disk', of.inFlight),
    subjects: [
      { name: 'bitacora', open: () => nodeProbe(of, {}) },
      bareSubject('node:http and fdatasync', of, async () => 'disk'),
      anchorSubject('Redis, appendfsync always', of, () => startRedis(true)),
      anchorSubject('NATS KV, not synced', of, startNats),
      anchorSubject('etcd', of, startEtcd),
    ],
  };
}

function nameOf(log: string, inFlight: number): string {
  return `${log}, ${inFlight} in flight`;
}

const WRITES = httpDialect(200, (n) =>
  postRequest(`/rpc?key=${keyOf(n % KEYS)}`, 'application/octet-stream', VALUE),
);

function loadProbe(
  { inFlight: connections, scale }: PutCase,
  server: { readonly pid: number; readonly port: number; readonly writes?: DialectOf },
  close: () => Promise<void>,
): Probe {
  const { pid, port, writes: dialect = () => WRITES } = server;
  return {
    measure: async () => measuredLoad(await load({ pid, port, dialect, connections, scale })),
    close,
  };
}

async function nodeProbe(of: PutCase, env: Readonly<Record<string, string>>): Promise<Probe> {
  const node = await TestNode.start({ env });
  const port = Number(node.http.split(':')[1]);
  return loadProbe(of, { pid: node.pid, port }, () => node.dispose());
}

function bareSubject(name: string, of: PutCase, logOf: () => Promise<BareLog | Absent>): Subject {
  return {
    name,
    open: async () => {
      const log = await logOf();
      if (typeof log === 'object' && 'absent' in log) return log;
      const { child, ready } = await BenchChild.start<{ port: number; folder?: string }>(
        BARE_SERVER,
        log,
      );
      return loadProbe(of, { pid: child.pid, port: ready.port }, async () => {
        await child.stop();
        if (ready.folder !== undefined) await rm(ready.folder, { recursive: true, force: true });
      });
    },
  };
}

async function produceProbe(
  { inFlight, scale }: PutCase,
  open: { readonly brokers: string; readonly topic: string },
): Promise<Probe> {
  const { child } = await BenchChild.start(RAW_PRODUCE, { open } satisfies ProduceQuestion);
  const question: ProduceQuestion = { inFlight, keys: KEYS, value: VALUE, ...DURATIONS[scale] };
  return {
    measure: async () => measuredLoad(await child.ask<LoadFigures>(question)),
    close: () => child.stop(),
  };
}

function anchorSubject(name: string, of: PutCase, start: () => Promise<Anchor | Absent>): Subject {
  return {
    name,
    open: async () => {
      const anchor = await start();
      if ('absent' in anchor) return anchor;
      const { pid, port } = anchor;
      const writes = anchor.put((n) => keyOf(n % KEYS), VALUE);
      return loadProbe(of, { pid, port, writes }, () => anchor.stop());
    },
  };
}

function goals(cases: readonly CaseResult[]): readonly Goal[] {
  return IN_FLIGHT.full.flatMap((inFlight) => {
    const name = nameOf('Kafka', inFlight);
    const figure = (subject: string, of: string) =>
      medianOf(cases, { case: name, subject, figure: of });
    const [ours, bare, produce] = ['bitacora', 'node:http', 'node-rdkafka'].map((subject) =>
      figure(subject, 'cpu'),
    );
    const [p50, rawP50] = [figure('bitacora', 'p50'), figure('node-rdkafka', 'p50')];
    if (ours === undefined || bare === undefined || produce === undefined) return [];
    if (p50 === undefined || rawP50 === undefined) return [];
    return [
      {
        text: `${name}: CPU time over node:http and node-rdkafka, us`,
        value: ours - bare - produce,
        atMost: GOAL_US_MAX,
      },
      { text: `${name}: latency, of node-rdkafka`, value: p50 / rawP50, atMost: GOAL_LATENCY_MAX },
    ];
  });
}
