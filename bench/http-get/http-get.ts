import { TestNode } from '../../test/helpers/test-node.ts';
import type { Anchor } from '../anchors/anchor.ts';
import { startEtcd } from '../anchors/etcd.ts';
import { startNats } from '../anchors/nats.ts';
import { startRedis } from '../anchors/redis.ts';
import { BenchChild } from '../common/bench-child.ts';
import { getRequest, httpDialect, postRequest } from '../common/http-dialect.ts';
import { type DialectOf, load, sendAll } from '../common/load.ts';
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
import { keyOf } from '../memory/figures.ts';
import type { BareKind } from './bare-servers.ts';
import { type GetCase, readKey, valueText } from './sizes.ts';

const CASES: readonly GetCase[] = [
  { name: 'hit 100 B', keys: 10_000, valueBytes: 100, hit: true },
  { name: 'miss', keys: 10_000, valueBytes: 100, hit: false },
  { name: 'hit 1 KB', keys: 10_000, valueBytes: 1_000, hit: true },
  { name: 'hit 100 KB', keys: 200, valueBytes: 100_000, hit: true },
];
const SMOKE_CASES: readonly GetCase[] = [
  { name: 'hit 100 B', keys: 50, valueBytes: 100, hit: true },
  { name: 'miss', keys: 50, valueBytes: 100, hit: false },
];
/** The case in which all others are measured as well. */
const COMMON = 'hit 100 B';
const GOAL_MAX = 1.25;
const CONNECTIONS: Readonly<Record<Scale, number>> = { smoke: 4, usual: 64, full: 64 };
const FILLING = 16;
const BARE_SERVERS = new URL('bare-servers.ts', import.meta.url);

/** What a read over HTTP costs a node, beside the runtime alone and other stores. */
export const httpGetBench: Bench = {
  name: 'http-get',
  title: 'GET /rpc over 64 connections, keys of 16 B; CPU time of the server process',
  figures: LOAD_FIGURES,
  charted: ['cpu'],
  cases: (scale) => (scale === 'smoke' ? SMOKE_CASES : CASES).map((of) => caseOf(of, scale)),
  goals,
};

function caseOf(of: GetCase, scale: Scale): BenchCase {
  const others = [
    anchorSubject('Redis', of, { scale, start: () => startRedis(false) }),
    anchorSubject('NATS KV', of, { scale, start: startNats }),
    anchorSubject('etcd', of, { scale, start: startEtcd }),
  ];
  return {
    name: of.name,
    subjects: [
      nodeSubject(of, scale),
      bareSubject('node:http', of, scale),
      bareSubject('node:http, ready bytes', of, scale),
      ...(of.name === COMMON ? [bareSubject('express', of, scale), ...others] : []),
    ],
  };
}

function reads(of: GetCase): DialectOf {
  const dialect = httpDialect(of.hit ? 200 : 404, (n) => getRequest(`/rpc?key=${readKey(of, n)}`));
  return () => dialect;
}

function nodeSubject(of: GetCase, scale: Scale): Subject {
  return {
    name: 'bitacora',
    open: async () => {
      const node = await TestNode.start();
      const port = Number(node.http.split(':')[1]);
      const value = valueText(of.valueBytes);
      const writes = httpDialect(200, (n) =>
        postRequest(`/rpc?key=${keyOf(n)}`, 'application/octet-stream', value),
      );
      return filledProbe(of, {
        server: { pid: node.pid, port, reads: reads(of), writes: () => writes },
        scale,
        close: () => node.dispose(),
      });
    },
  };
}

function bareSubject(kind: BareKind, of: GetCase, scale: Scale): Subject {
  return {
    name: kind,
    open: async () => {
      const { child, ready } = await BenchChild.start<number>(BARE_SERVERS, { kind, of });
      return probe({
        server: { pid: child.pid, port: ready, reads: reads(of) },
        scale,
        close: () => child.stop(),
      });
    },
  };
}

function anchorSubject(
  name: string,
  of: GetCase,
  { scale, start }: { readonly scale: Scale; readonly start: () => Promise<Anchor | Absent> },
): Subject {
  return {
    name,
    open: async () => {
      const anchor = await start();
      if ('absent' in anchor) return anchor;
      const { pid, port } = anchor;
      return filledProbe(of, {
        server: {
          pid,
          port,
          reads: anchor.get((n) => readKey(of, n)),
          writes: anchor.put(keyOf, valueText(of.valueBytes)),
        },
        scale,
        close: () => anchor.stop(),
      });
    },
  };
}

interface ProbeOptions<Server> {
  readonly server: Server;
  readonly scale: Scale;
  readonly close: () => Promise<void>;
}

interface ReadServer {
  readonly pid: number;
  readonly port: number;
  readonly reads: DialectOf;
}

async function filledProbe(
  of: GetCase,
  options: ProbeOptions<ReadServer & { readonly writes: DialectOf }>,
): Promise<Probe> {
  const { server, close } = options;
  try {
    const { port, writes } = server;
    await sendAll(of.keys, { port, dialect: writes, connections: FILLING });
  } catch (error) {
    await close();
    throw error;
  }
  return probe(options);
}

function probe({ server, scale, close }: ProbeOptions<ReadServer>): Probe {
  const { pid, port, reads: dialect } = server;
  const connections = CONNECTIONS[scale];
  return {
    measure: async () => measuredLoad(await load({ pid, port, dialect, connections, scale })),
    close,
  };
}

function goals(cases: readonly CaseResult[]): readonly Goal[] {
  return cases.flatMap(({ name }) => {
    const [ours, bare] = ['bitacora', 'node:http'].map((subject) =>
      medianOf(cases, { case: name, subject, figure: 'cpu' }),
    );
    if (ours === undefined || bare === undefined) return [];
    return [{ text: `${name}: CPU time, of node:http`, value: ours / bare, atMost: GOAL_MAX }];
  });
}
