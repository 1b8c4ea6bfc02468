import { TestNode } from '../../test/helpers/test-node.ts';
import { BenchChild } from '../common/bench-child.ts';
import { httpDialect, postRequest } from '../common/http-dialect.ts';
import { DURATIONS, sendAll } from '../common/load.ts';
import { LOAD_FIGURES, measuredLoad } from '../common/load-figures.ts';
import {
  type Bench,
  type BenchCase,
  type CaseResult,
  type Goal,
  medianOf,
  type Scale,
  type Subject,
} from '../frame/bench.ts';
import { keyOf } from '../memory/figures.ts';
import type { RpcServerKind } from './bare-servers.ts';
import { KEYS, VALUE } from './calls.ts';
import type { ClientFigures, ClientQuestion, RpcClientKind } from './client-child.ts';

const IN_FLIGHT: Readonly<Record<Scale, readonly number[]>> = {
  smoke: [4],
  usual: [1, 16, 256],
  full: [1, 16, 256],
};
const FILLING = 16;
const GOAL_IN_FLIGHT = 256;
/** CPU time of a call on the server, us. */
const GOAL_CPU_MAX = 12;
/** The rate of avsc, of ours. */
const GOAL_RATE_MAX = 0.5;
const BARE_SERVERS = new URL('bare-servers.ts', import.meta.url);
const CLIENT = new URL('client-child.ts', import.meta.url);

/** What a read over Avro RPC costs. */
export const rpcGetBench: Bench = {
  name: 'rpc-get',
  title: 'getValue of 100 B over one connection; CPU time of the server and of the client process',
  figures: [...LOAD_FIGURES, { name: 'client cpu', unit: 'us/op', digits: 1 }],
  charted: ['cpu', 'rate', 'client cpu'],
  cases: (scale) => IN_FLIGHT[scale].map((inFlight) => caseOf(inFlight, scale)),
  goals,
};

function caseOf(inFlight: number, scale: Scale): BenchCase {
  const of = { inFlight, scale };
  return {
    name: nameOf(inFlight),
    subjects: [
      { name: 'bitacora', open: () => nodeProbe(of, 'bitacora') },
      { name: 'bitacora, raw client', open: () => nodeProbe(of, 'raw') },
      bareSubject('avsc both ends', of, { server: 'avsc', client: 'avsc' }),
      bareSubject('echo of the bytes', of, { server: 'echo', client: 'echo' }),
    ],
  };
}

function nameOf(inFlight: number): string {
  return `${inFlight} in flight`;
}

interface RpcCase {
  readonly inFlight: number;
  readonly scale: Scale;
}

async function nodeProbe(of: RpcCase, kind: RpcClientKind) {
  const node = await TestNode.start();
  const writes = httpDialect(200, (n) =>
    postRequest(`/rpc?key=${keyOf(n)}`, 'application/octet-stream', VALUE),
  );
  const close = () => node.dispose();
  try {
    const httpPort = Number(node.http.split(':')[1]);
    await sendAll(KEYS, { port: httpPort, dialect: () => writes, connections: FILLING });
    const port = Number(node.avro.split(':')[1]);
    return await clientProbe(of, { kind, pid: node.pid, port }, close);
  } catch (error) {
    await close();
    throw error;
  }
}

function bareSubject(
  name: string,
  of: RpcCase,
  kinds: { readonly server: RpcServerKind; readonly client: RpcClientKind },
): Subject {
  return {
    name,
    open: async () => {
      const { child, ready } = await BenchChild.start<number>(BARE_SERVERS, { kind: kinds.server });
      const server = { kind: kinds.client, pid: child.pid, port: ready };
      return clientProbe(of, server, () => child.stop());
    },
  };
}

async function clientProbe(
  { inFlight, scale }: RpcCase,
  {
    kind,
    pid,
    port,
  }: { readonly kind: RpcClientKind; readonly pid: number; readonly port: number },
  close: () => Promise<void>,
) {
  const open: ClientQuestion = { open: { kind, port } };
  const { child } = await BenchChild.start(CLIENT, open);
  const question: ClientQuestion = { serverPid: pid, inFlight, ...DURATIONS[scale] };
  return {
    measure: async () => {
      const figures = await child.ask<ClientFigures>(question);
      return { ...measuredLoad(figures), 'client cpu': figures.clientCpu };
    },
    close: async () => {
      await child.stop();
      await close();
    },
  };
}

function goals(cases: readonly CaseResult[]): readonly Goal[] {
  const name = nameOf(GOAL_IN_FLIGHT);
  const figure = (subject: string, of: string) =>
    medianOf(cases, { case: name, subject, figure: of });
  const [cpu, rate, avsc] = [
    figure('bitacora', 'cpu'),
    figure('bitacora', 'rate'),
    figure('avsc both ends', 'rate'),
  ];
  if (cpu === undefined || rate === undefined || avsc === undefined) return [];
  return [
    { text: `${name}: CPU time of the server, us`, value: cpu, atMost: GOAL_CPU_MAX },
    { text: `${name}: rate of avsc, of ours`, value: avsc / rate, atMost: GOAL_RATE_MAX },
  ];
}
