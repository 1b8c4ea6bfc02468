import { Pool } from 'undici';
import { BenchChild } from '../common/bench-child.ts';
import { getRequest, httpDialect } from '../common/http-dialect.ts';
import { DURATIONS, load } from '../common/load.ts';
import { LOAD_FIGURES, measuredLoad } from '../common/load-figures.ts';
import { percentile } from '../common/percentile.ts';
import { Shared } from '../common/shared.ts';
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
import { keyOf } from '../memory/figures.ts';
import { type LaggingCluster, startLaggingCluster } from './lagging-cluster.ts';

const CONNECTIONS: Readonly<Record<Scale, readonly number[]>> = {
  smoke: [1],
  usual: [1, 16],
  full: [1, 16],
};
const KEYS = 1_000;
const GOAL_MAX = 1.2;
const FORWARDER = new URL('forwarder.ts', import.meta.url);

interface PeersCase {
  readonly connections: number;
  readonly scale: Scale;
}

/** What a read costs on a node that is behind and asks others. */
export const peersBench: Bench = {
  name: 'peers',
  title: 'GET of 100 B on a node that is behind and has three fresh peers',
  figures: LOAD_FIGURES,
  charted: ['p50', 'cpu'],
  cases: (scale) => {
    const cluster = new Shared(() => startLaggingCluster(KEYS));
    return CONNECTIONS[scale].map((connections) => caseOf({ connections, scale }, cluster));
  },
  goals,
};

function caseOf(of: PeersCase, cluster: Shared<LaggingCluster>): BenchCase {
  const subject = (name: string, open: (of: LaggingCluster) => Promise<Probe>) => ({
    name,
    open: async (): Promise<Probe> => {
      const started = await cluster.take();
      const release = () => cluster.release();
      const { measure, close } = await open(started).catch(async (error: unknown) => {
        await release();
        throw error;
      });
      return { measure, close: () => close().finally(release) };
    },
  });
  return {
    name: nameOf(of),
    subjects: [
      subject('bitacora, behind', async ({ behind }) => {
        const server = { pid: behind.pid, port: portOf(behind.http), path: '/rpc' };
        const { measure, close } = loadProbe(of, server);
        return {
          measure: async () => {
            const measured = await measure();
            const { headers } = await behind.get(keyOf(0));
            if (headers['bitacora-read'] === 'final') throw new Error('the node has caught up');
            return measured;
          },
          close,
        };
      }),
      subject('bitacora, a peer itself', async ({ peer }) =>
        loadProbe(of, { pid: peer.pid, port: portOf(peer.http), path: '/rpc/cluster' }),
      ),
      subject('undici alone, to a peer', async ({ peer }) => undiciProbe(of, peer.http)),
      subject('node:http and undici', async ({ peer }) => {
        const { child, ready } = await BenchChild.start<number>(FORWARDER, { peer: peer.http });
        const probe = loadProbe(of, { pid: child.pid, port: ready, path: '/rpc' });
        return { ...probe, close: () => child.stop() };
      }),
    ],
  };
}

function nameOf({ connections }: Pick<PeersCase, 'connections'>): string {
  return `${connections} at once`;
}

function portOf(address: string): number {
  return Number(address.split(':')[1]);
}

function loadProbe(
  { connections, scale }: PeersCase,
  { pid, port, path }: { readonly pid: number; readonly port: number; readonly path: string },
): Probe {
  const dialect = httpDialect(200, (n) => getRequest(`${path}?key=${keyOf(n % KEYS)}`));
  return {
    measure: async () =>
      measuredLoad(await load({ pid, port, dialect: () => dialect, connections, scale })),
    close: async () => {},
  };
}

/** The client's own round trips, in this process. */
function undiciProbe({ connections, scale }: PeersCase, peer: string): Probe {
  const pool = new Pool(`http://${peer}`, { connections });
  return {
    measure: async (): Promise<Measured> => {
      const { warmUpMs, measureMs } = DURATIONS[scale];
      const latencies: number[] = [];
      const begun = performance.now() + warmUpMs;
      const until = begun + measureMs;
      const ask = async (from: number) => {
        for (let n = from; performance.now() < until; n += connections) {
          const at = performance.now();
          const path = `/rpc/cluster?key=${keyOf(n % KEYS)}`;
          const { body } = await pool.request({ method: 'GET', path });
          await body.text();
          if (at >= begun) latencies.push(performance.now() - at);
        }
      };
      await Promise.all(Array.from({ length: connections }, (_, i) => ask(i)));
      return {
        rate: latencies.length / (measureMs / 1_000),
        p50: percentile(latencies, 0.5),
        p99: percentile(latencies, 0.99),
      };
    },
    close: () => pool.destroy(),
  };
}

function goals(cases: readonly CaseResult[]): readonly Goal[] {
  return CONNECTIONS.full.flatMap((connections) => {
    const name = nameOf({ connections });
    const p50 = (subject: string) => medianOf(cases, { case: name, subject, figure: 'p50' });
    const [ours, trip] = [p50('bitacora, behind'), p50('undici alone, to a peer')];
    if (ours === undefined || trip === undefined) return [];
    return [{ text: `${name}: p50, of one round trip`, value: ours / trip, atMost: GOAL_MAX }];
  });
}
