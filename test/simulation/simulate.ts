import { partitionOf } from '../../src/codec/partitioner.ts';
import type { Logger } from '../../src/logger.ts';
import {
  checkDurability,
  checkFinalReads,
  checkMonotony,
  liveEntriesOf,
  type Violation,
} from './checkers.ts';
import { FAULTS, type Fault, strike, type World } from './faults.ts';
import type { Operation, ReadDone, WriteDone } from './history.ts';
import { Random, Scheduler } from './scheduler.ts';
import { SimLog } from './sim-log.ts';
import { outcomeOf, SimNode } from './sim-node.ts';

export interface Outcome {
  readonly seed: number;
  readonly operations: number;
  readonly faults: Readonly<Record<Fault, number>>;
  /** States that the run has reached, and how often. */
  readonly reached: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
}

const OPERATIONS_MIN = 500;
const FAULTS_MIN = 5;
const CLIENTS = 4;
const HEALED_WITHIN_MS = 120_000;
const RUN_MS_MAX = 600_000;

const silent = new Proxy({} as Logger, {
  get: (_, name) => (name === 'child' ? () => silent : () => {}),
});

/** One run of three nodes from a seed: operations and faults, then peace, then the checks. */
export async function simulate(seed: number, logger: Logger = silent): Promise<Outcome> {
  const random = new Random(seed);
  const scheduler = new Scheduler();
  const log = new SimLog(scheduler, random, random.integer(1, 4));
  const partitions = log.current.partitions.length;
  const place = (key: string) => partitionOf(Buffer.from(key), partitions);
  const keys = Array.from({ length: random.integer(5, 40) }, (_, i) => `key-${i}`);
  const nodes: SimNode[] = [];
  const loss = random.pick([0, 0, 0.1, 0.5]);
  const make = (name: string) =>
    new SimNode({
      name,
      scheduler,
      random,
      log,
      logger,
      cacheBytesMax: random.pick([0, 2_000, 2 ** 20]),
      others: () => nodes.filter((node) => node.name !== name),
      loss: () => loss,
    });
  for (const name of ['n1', 'n2', 'n3']) nodes.push(make(name));
  const world: World = {
    scheduler,
    random,
    log,
    nodes,
    keys,
    partitionOf: place,
    silentChanges: [],
  };
  const history: Operation[] = [];
  const faults = Object.fromEntries(FAULTS.map((fault) => [fault, 0])) as Record<Fault, number>;
  const violations: Violation[] = [];

  const script = async () => {
    for (const node of nodes) await node.start();
    let striking = true;
    const strikes = (async () => {
      const kinds = FAULTS.filter(() => random.chance(0.5));
      if (kinds.length === 0) kinds.push('kill');
      for (let i = 0; i < FAULTS_MIN || striking; i++) {
        await scheduler.sleep(random.between(50, 2_500));
        const fault = random.pick(kinds);
        faults[fault]++;
        await strike(world, fault);
      }
    })();
    let left = OPERATIONS_MIN + random.integer(0, 300);
    const client = async (name: number) => {
      while (left-- > 0) {
        await scheduler.sleep(random.between(0, 60));
        const node = random.pick(nodes);
        const key = random.pick(keys);
        history.push(await operate(world, node, key, `${name}-${left}`));
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(i)));
    striking = false;
    await strikes;
    await heal(world);
    nodes.push(make('fresh'));
    await nodes.at(-1)?.start();
    violations.push(...(await converge(world)));
  };
  let ended = false;
  let fault: unknown;
  script().then(
    () => (ended = true),
    (error) => {
      fault = error;
      ended = true;
    },
  );
  if (!(await scheduler.run(RUN_MS_MAX, () => ended))) {
    violations.push({ checker: 'liveness', detail: `the run hangs at ${scheduler.now}` });
  }
  if (fault !== undefined) violations.push({ checker: 'script', detail: String(fault) });

  violations.push(...checkDurability(history, log, world.silentChanges));
  violations.push(...checkFinalReads(history, log, world.silentChanges));
  const goesBack = ['truncation', 're-creation', 'cluster-swap', 'power-loss'] as const;
  if (goesBack.every((each) => faults[each] === 0)) violations.push(...checkMonotony(history));
  return {
    seed,
    operations: history.length,
    faults,
    reached: reachedBy(world, history),
    violations,
  };
}

async function operate(
  world: World,
  node: SimNode,
  key: string,
  value: string,
): Promise<Operation> {
  const { scheduler, random, log } = world;
  const { run, name } = node;
  const at = scheduler.now;
  const dice = random.next();
  const kind = dice < 0.55 ? 'get' : dice < 0.85 ? 'put' : 'delete';
  const done = kind === 'get' ? read(node, key) : write(node, key, kind, value, log);
  // A killed node answers nothing: its client sees the connection break.
  const broken = scheduler.sleep(8_000).then(() => ({ kind, outcome: 'no answer' }));
  const result = (await Promise.race([done, broken])) as ReadDone | WriteDone;
  return { node: name, run, key, at, doneAt: scheduler.now, ...result };
}

async function read(node: SimNode, key: string): Promise<ReadDone> {
  try {
    if (node.core === undefined) return { kind: 'get', outcome: 'refused' };
    const { store } = node.core;
    const answer = store.getNow(key) ?? (await store.get(key));
    const { trust, partition, position, source, entry } = answer;
    return {
      kind: 'get',
      outcome: 'ok',
      trust,
      partition,
      position,
      source,
      ...(entry && {
        entry: { kind: entry.kind, offset: entry.offset, value: entry.value.toString() },
      }),
    };
  } catch (error) {
    return { kind: 'get', outcome: outcomeOf(error) };
  }
}

async function write(
  node: SimNode,
  key: string,
  kind: 'put' | 'delete',
  value: string,
  log: SimLog,
): Promise<WriteDone> {
  try {
    if (node.core === undefined) return { kind, outcome: 'refused' };
    const { store } = node.core;
    const started = log.ever.length;
    const answer = await (kind === 'put' ? store.put(key, Buffer.from(value)) : store.delete(key));
    const { partition, offset } = answer.version;
    const record = log.ever
      .slice(started)
      .findLast(
        (each) =>
          each.record.partition === partition &&
          each.record.offset === offset &&
          each.record.key?.toString() === key,
      );
    return { kind, outcome: 'ok', value, record };
  } catch (error) {
    return { kind, outcome: outcomeOf(error), value };
  }
}

/** Takes every fault back and starts whoever is down. */
async function heal({ scheduler, log, nodes }: World): Promise<void> {
  log.up = true;
  for (const node of nodes) {
    node.reachesLog = true;
    node.reachesPeers = true;
    node.disk.full = false;
    if (!node.alive) await node.start();
  }
  await scheduler.sleep(100);
}

/** All nodes, a new one too, answer every key as the log means it. */
async function converge({ scheduler, log, nodes, keys }: World): Promise<Violation[]> {
  const expected = liveEntriesOf(log);
  const until = scheduler.now + HEALED_WITHIN_MS;
  const violations: Violation[] = [];
  for (const node of nodes) {
    const fail = (detail: string) =>
      violations.push({ checker: 'convergence', detail: `${node.name}: ${detail}` });
    for (const key of keys) {
      let seen = await read(node, key);
      while (seen.trust !== 'final' && scheduler.now < until) {
        await scheduler.sleep(100);
        if (!node.alive) await node.start();
        seen = await read(node, key);
      }
      if (seen.trust !== 'final') {
        fail(
          `${key} is never final: ${seen.outcome} ${seen.trust}, exits ${node.exits.join('; ')}`,
        );
        break;
      }
      const live = seen.entry?.kind === 'live';
      const found = live ? `${seen.entry?.value}@${seen.entry?.offset}` : undefined;
      if (found !== expected.get(key))
        fail(`${key} is ${found}, the log says ${expected.get(key)}`);
    }
    const states = node.core?.table.states() ?? [];
    const entries = states.reduce((sum, { active }) => sum + active.entries, 0);
    if (entries !== expected.size) fail(`counts ${entries} entries, the log has ${expected.size}`);
  }
  return violations;
}

function reachedBy({ nodes }: World, history: readonly Operation[]): Record<string, number> {
  const sum = (of: (node: SimNode) => number) => nodes.reduce((all, node) => all + of(node), 0);
  const reads = (which: (operation: ReadDone) => boolean) =>
    history.filter((each) => each.kind === 'get' && which(each)).length;
  return {
    rebuild: sum(({ counts }) => counts.rebuilds),
    halted: sum(({ counts }) => counts.halts),
    'foreign log at start': sum(({ exits }) => exits.length),
    'torn tail': sum(({ disk }) => disk.tornTails),
    'evicted entry': sum(({ counts }) => counts.evicted),
    'final read': reads(({ trust }) => trust === 'final'),
    'peer read': reads(({ trust }) => trust === 'peer'),
    'read from a peer': reads(({ source }) => source === 2),
    'behind read': reads(({ trust }) => trust === 'behind'),
    'recovering read': reads(({ outcome }) => outcome === 'recovering'),
    'marker read': reads(({ entry }) => entry?.kind === 'marker'),
    'write acknowledged': history.filter(({ kind, outcome }) => kind !== 'get' && outcome === 'ok')
      .length,
    'write unknown': history.filter(({ outcome }) => outcome === 'unknown').length,
    'write not written': history.filter(({ outcome }) => outcome === 'not_written').length,
  };
}
