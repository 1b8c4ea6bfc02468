import { partitionOf } from '../../src/codec/partitioner.ts';
import type { Logger } from '../../src/logger.ts';
import { checkHistory, checkOwnWrites, type Violation } from './checkers.ts';
import { converge, heal } from './converge.ts';
import {
  FAULTS,
  type Fault,
  LOG_FAULTS,
  NODE_FAULTS,
  strikeLog,
  strikeNode,
  type World,
} from './faults.ts';
import { watchHealth } from './health.ts';
import type { Operation } from './history.ts';
import { anyKind, operate } from './operations.ts';
import { reachedBy } from './reached.ts';
import { Random, Scheduler } from './scheduler.ts';
import { SimLog } from './sim-log.ts';
import { SimNode } from './sim-node.ts';
import { silentLogger } from './watching-logger.ts';

export interface Outcome {
  readonly seed: number;
  readonly operations: number;
  readonly simulatedMs: number;
  readonly faults: Readonly<Record<Fault, number>>;
  /** States that the run has reached, and how often. */
  readonly reached: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
}

export interface SimulateOptions {
  readonly logger?: Logger;
  /** Told everything that happens, a line each. */
  readonly trace?: (line: string) => void;
}

export const OPERATIONS_MIN = 500;
export const FAULTS_MIN = 5;
const CLIENTS = 4;
const RUN_MS_MAX = 900_000;
const DAY_MS = 86_400_000;
/**
 * Where nobody tells that elections may be unclean, a truncation can be found out only as long as no
 * cleaner removes what there is to compare with.
 */
const ELECTIONS = [
  { uncleanElection: false, truncates: false },
  { uncleanElection: true, truncates: true },
  { uncleanElection: undefined, truncates: true, cleaned: false },
] as const;

/** One run of three nodes from a seed: operations and faults, then peace, then the checks. */
export async function simulate(seed: number, options: SimulateOptions = {}): Promise<Outcome> {
  const { trace } = options;
  const random = new Random(seed);
  const scheduler = new Scheduler();
  const world = makeWorld({ random, scheduler, trace, logger: options.logger ?? silentLogger });
  const { log, nodes, keys, history } = world;
  const faults = Object.fromEntries(FAULTS.map((fault) => [fault, 0])) as Record<Fault, number>;
  const violations: Violation[] = [];

  const script = async () => {
    for (const node of nodes) node.start();
    let left = OPERATIONS_MIN + random.integer(0, 300);
    const working = () => left > 0;
    const logFaults = LOG_FAULTS.filter((each) => each !== 'truncation' || world.truncates);
    const strikes = [
      strikeAll({ world, faults, kinds: NODE_FAULTS, strike: strikeNode, working }),
      strikeAll({ world, faults, kinds: logFaults, strike: strikeLog, working }),
    ];
    const watch = watchHealth(world, (violation) => violations.push(violation));
    const client = async () => {
      while (left-- > 0) {
        await scheduler.sleep(random.between(0, 60));
        const [node, kind, key] = [random.pick(nodes), anyKind(random), random.pick(keys)];
        const done = await world.act(node, { kind, key });
        if (done.kind === 'get') continue;
        if (random.chance(0.3)) await world.act(node, { kind: 'get', key });
        const { record } = done;
        if (record === undefined || random.chance(0.7)) continue;
        await world.act(random.pick(nodes), { kind: 'get', key, after: record });
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    await Promise.all(strikes);
    watch.stop();
    await heal(world);
    await world.addNode();
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
  const evidence = { history, log, silentChanges: world.silentChanges };
  violations.push(...checkHistory(evidence), ...checkOwnWrites(evidence));
  return {
    seed,
    operations: history.length,
    simulatedMs: Math.round(scheduler.now),
    faults,
    reached: reachedBy(world, history),
    violations,
  };
}

interface Ground {
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly trace: ((line: string) => void) | undefined;
  readonly logger: Logger;
}

function makeWorld({ random, scheduler, trace, logger }: Ground) {
  const partitions = random.integer(1, 4);
  const deleteRetentionMs = random.pick([7 * DAY_MS, 10_000, 3_000]);
  const elections = random.pick(ELECTIONS);
  const log = new SimLog({ scheduler, random, partitions, deleteRetentionMs, ...elections });
  const nodes: SimNode[] = [];
  const history: Operation[] = [];
  const make = (name: string) =>
    new SimNode({
      name,
      scheduler,
      random,
      log,
      logger,
      trace,
      cacheBytesMax: random.pick([0, 2_000, 5_000, 2 ** 20]),
      others: () => nodes.filter((node) => node.name !== name),
    });
  for (const name of ['n1', 'n2', 'n3']) nodes.push(make(name));
  const world: World = {
    scheduler,
    random,
    log,
    nodes,
    keys: Array.from({ length: random.integer(5, 40) }, (_, i) => `key-${i}`),
    partitionOf: (key) => partitionOf(Buffer.from(key), partitions),
    silentChanges: [],
    trace,
    act: async (node, act) => {
      const answeredBefore = history.length;
      const done = { ...(await operate({ scheduler, log }, node, act)), answeredBefore };
      history.push(done);
      trace?.(JSON.stringify(done));
      return done;
    },
  };
  /** A node that never was there before. */
  const addNode = async () => {
    const node = make('fresh');
    nodes.push(node);
    node.start();
  };
  return { ...world, history, addNode, truncates: elections.truncates };
}

/** Faults of some kinds, one after the other, as long as there is work to disturb. */
async function strikeAll<F extends Fault>({
  world,
  faults,
  kinds,
  strike,
  working,
}: {
  readonly world: World;
  readonly faults: Record<Fault, number>;
  readonly kinds: readonly F[];
  readonly strike: (world: World, fault: F) => Promise<void>;
  readonly working: () => boolean;
}): Promise<void> {
  const { scheduler, random, trace } = world;
  const chosen = kinds.filter(() => random.chance(0.4));
  if (chosen.length === 0) chosen.push(random.pick(kinds));
  for (let i = 0; i < FAULTS_MIN || working(); i++) {
    await scheduler.sleep(random.between(50, 2_500));
    const fault = random.pick(chosen);
    faults[fault]++;
    trace?.(`${scheduler.now} fault ${fault}`);
    await strike(world, fault);
  }
}
