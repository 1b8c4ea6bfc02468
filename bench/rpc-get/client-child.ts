/** A client with a number of calls in flight. */
import { setTimeout as pause } from 'node:timers/promises';
import type { BitacoraClient } from '../../src/client/client.ts';
import { openAvscClient } from '../../test/helpers/avsc-client.ts';
import { answerParent } from '../common/child-side.ts';
import type { LoadFigures } from '../common/load.ts';
import { percentile } from '../common/percentile.ts';
import { cpuUs } from '../common/process-cpu.ts';
import { HOST } from '../common/sockets.ts';
import { keyOf } from '../memory/figures.ts';
import { KEYS, VALUE } from './calls.ts';
import { RawClient } from './raw-client.ts';

export type RpcClientKind = 'bitacora' | 'raw' | 'echo' | 'avsc';

export type ClientQuestion =
  | { readonly open: { readonly kind: RpcClientKind; readonly port: number } }
  | {
      readonly serverPid: number;
      readonly inFlight: number;
      readonly warmUpMs: number;
      readonly measureMs: number;
    };

export interface ClientFigures extends LoadFigures {
  readonly clientCpu: number;
}

/** Reads the `n`th key. */
type Get = (n: number, done: () => void) => void;

let get: Get | undefined;
let sent = 0;

async function opened({ kind, port }: { kind: RpcClientKind; port: number }): Promise<Get> {
  if (kind === 'avsc') {
    const client = openAvscClient({ after: () => {} }, `${HOST}:${port}`);
    return checked((key) => client.call('getValue', { key }));
  }
  if (kind === 'bitacora') {
    // The built one, as users have it.
    const module = new URL('../../dist/client/client.js', import.meta.url).href;
    const built = (await import(module)) as { BitacoraClient: typeof BitacoraClient };
    const client = await built.BitacoraClient.connect({ servers: [`${HOST}:${port}`] });
    return checked((key) => client.get(key));
  }
  const client = await RawClient.open(port, kind === 'raw');
  return (n, done) => client.get(n, done);
}

function checked(read: (key: string) => Promise<unknown>): Get {
  return (n, done) => {
    void read(keyOf(n % KEYS)).then((value) => {
      if (value !== VALUE) throw new Error(`not the value: ${String(value)}`);
      done();
    });
  };
}

answerParent(async (question: ClientQuestion): Promise<ClientFigures | undefined> => {
  if ('open' in question) {
    get = await opened(question.open);
    return undefined;
  }
  const { serverPid, inFlight, warmUpMs, measureMs } = question;
  let answered = 0;
  let latencies: number[] = [];
  let going = true;
  let underWay = 0;
  const send = () => {
    const at = performance.now();
    underWay++;
    get?.(sent++, () => {
      underWay--;
      answered++;
      latencies.push(performance.now() - at);
      if (going) send();
    });
  };
  for (let i = 0; i < inFlight; i++) send();
  await pause(warmUpMs);
  answered = 0;
  latencies = [];
  const [cpu, own, begun] = [cpuUs(serverPid), process.cpuUsage(), performance.now()];
  await pause(measureMs);
  const { user, system } = process.cpuUsage(own);
  const used = cpuUs(serverPid) - cpu;
  const seconds = (performance.now() - begun) / 1_000;
  const calls = answered;
  const measured = latencies;
  going = false;
  while (underWay > 0) await pause(5);
  return {
    cpu: used / calls,
    clientCpu: (user + system) / calls,
    perSecond: calls / seconds,
    p50: percentile(measured, 0.5),
    p99: percentile(measured, 0.99),
  };
});
