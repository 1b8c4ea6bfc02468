import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../../src/errors.ts';
import { eventually } from '../helpers/eventually.ts';
import { GoodClient, type GoodClientFigures } from '../helpers/good-client.ts';
import { isRunning, openFiles, residentMiB } from '../helpers/process-figures.ts';
import { TestNode } from '../helpers/test-node.ts';
import { judgeAvro } from './avro-answers.ts';
import { AvroInputs } from './avro-inputs.ts';
import { converseAll } from './converse-all.ts';
import { judgeHttp } from './http-answers.ts';
import { HttpInputs } from './http-inputs.ts';
import { Tally } from './tally.ts';
import { Witnesses } from './witnesses.ts';

export interface FuzzOptions {
  readonly seed: number;
  /** At least so many are sent. */
  readonly frames: number;
  readonly requests: number;
  readonly tell?: (progress: string) => void;
}

export interface FuzzReport {
  readonly seed: number;
  readonly seconds: number;
  readonly http: Tally;
  readonly avro: Tally;
  readonly goodClient: GoodClientFigures | undefined;
  /** Memory of the node, MiB. */
  readonly memory: { readonly before: number; readonly most: number; readonly after: number };
  /** What was broken that belongs to no single connection. */
  readonly violations: readonly string[];
}

const LOOK_EVERY_MS = 500;
const NODE_ENV = { STORAGE: 'memory', CACHE_BYTES_MAX: '67108864' };
/** What a node with such a cache may take. */
const MEMORY_MIB_MAX = 768;
/** Files that a node opens for itself, such as those of its libraries. */
const FILES_MORE_MAX = 10;
/** A delay that nobody would put up with, also on a machine that is busy. */
const GOOD_CLIENT_MS_MAX = 5_000;
const ERROR_LEVEL = 50;

/** Odd conversations with both doors of a node, and a client beside them that must not notice. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const node = await TestNode.start({ env: NODE_ENV });
  try {
    const witnesses = await Witnesses.write(node);
    const client = await GoodClient.start(node);
    try {
      return await fuzzNode(node, options, { witnesses, client });
    } finally {
      await client.stop();
    }
  } finally {
    await node.dispose();
  }
}

interface Beside {
  readonly witnesses: Witnesses;
  readonly client: GoodClient;
}

async function fuzzNode(
  node: TestNode,
  { seed, requests, frames, tell = () => {} }: FuzzOptions,
  beside: Beside,
): Promise<FuzzReport> {
  const [http, avro] = [new Tally(), new Tally()];
  const [httpInputs, avroInputs] = [new HttpInputs(seed), new AvroInputs(seed)];
  const alive = () => isRunning(node.pid);
  const before = residentMiB(node.pid);
  const files = openFiles(node.pid);
  const memory = watchMemory(node, alive, (mib) =>
    tell(`${http.sent} requests, ${avro.sent} frames, ${mib} MiB`),
  );
  const started = performance.now();
  await Promise.all([
    converseAll({
      port: portOf(node.http),
      input: (index) => httpInputs.input(index),
      judge: (_input, heard) => judgeHttp(heard),
      ...{ atLeast: requests, alive, tally: http },
    }),
    converseAll({
      port: portOf(node.avro),
      input: (index) => avroInputs.input(index),
      judge: judgeAvro,
      ...{ atLeast: frames, alive, tally: avro },
    }),
  ]);
  const seconds = (performance.now() - started) / 1_000;
  const violations = alive() ? [] : [`the node has ended: ${node.tail()}`];
  const goodClient = alive() ? await figuresOf(beside.client, violations) : undefined;
  if (alive()) violations.push(...(await stateOf(node, files, beside.witnesses)));
  const most = await memory.stop();
  if (most > MEMORY_MIB_MAX) violations.push(`the node took ${most} MiB of memory`);
  const after = alive() ? residentMiB(node.pid) : 0;
  return {
    ...{ seed, seconds, http, avro, goodClient, violations },
    memory: { before, most, after },
  };
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

/** Looks at a node's memory again and again; `stop` gives the most that it was. */
function watchMemory(
  node: TestNode,
  alive: () => boolean,
  tell: (mib: number) => void,
): { stop(): Promise<number> } {
  const stopped = new AbortController();
  let most = 0;
  const look = async () => {
    while (!stopped.signal.aborted && alive()) {
      most = Math.max(most, residentMiB(node.pid));
      tell(most);
      await pause(LOOK_EVERY_MS, undefined, { signal: stopped.signal }).catch(() => {});
    }
  };
  const looking = look();
  return {
    stop: async () => {
      stopped.abort();
      await looking;
      return most;
    },
  };
}

async function figuresOf(
  client: GoodClient,
  violations: string[],
): Promise<GoodClientFigures | undefined> {
  try {
    const figures = await client.take();
    const { faults, worstHttpMs, worstAvroMs } = figures;
    violations.push(...faults.map((fault) => `the good client: ${fault}`));
    const worst = Math.max(worstHttpMs, worstAvroMs);
    if (worst > GOOD_CLIENT_MS_MAX) violations.push(`the good client waited ${worst} ms`);
    return figures;
  } catch (error) {
    violations.push(`the good client: ${messageOf(error)}`);
    return undefined;
  }
}

/** What is wrong with a node after all that. */
async function stateOf(node: TestNode, files: number, witnesses: Witnesses): Promise<string[]> {
  const wrong: string[] = [];
  try {
    wrong.push(...(await witnesses.wrong()));
    const health = await node.call('GET', '/health');
    if (health.status !== 200) wrong.push(`/health: ${health.status}`);
    const { state, quarantined, warnings } = await node.status();
    if (state !== 'running' || quarantined > 0 || warnings.length > 0) {
      wrong.push(`/status: ${state}, ${quarantined} quarantined, ${warnings.join(', ')}`);
    }
    await eventually(
      'the connections are closed',
      () => openFiles(node.pid) <= files + FILES_MORE_MAX,
      { withinMs: 20_000 },
    );
  } catch (error) {
    wrong.push(messageOf(error));
  }
  const errors = node.log.filter(isError);
  if (errors.length > 0) wrong.push(`${errors.length} errors in the log: ${errors[0]}`);
  return wrong;
}

/** A line that is no JSON did not come from the logger, and is worse. */
function isError(line: string): boolean {
  return !line.startsWith('{') || (JSON.parse(line) as { level: number }).level >= ERROR_LEVEL;
}
