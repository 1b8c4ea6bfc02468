import type { Operation } from './history.ts';
import type { Act } from './operations.ts';
import type { Random, Scheduler } from './scheduler.ts';
import type { Incarnation, SimLog } from './sim-log.ts';
import type { SimNode } from './sim-node.ts';

/** What can go wrong with a node, its machine and its network. */
export const NODE_FAULTS = [
  'kill',
  'power-loss',
  'lost-disk',
  'long-away',
  'long-lag',
  'freeze',
  'stall',
  'clock-jump',
  'cut-from-log',
  'slow-log',
  'lossy-log',
  'dead-reader',
  'cut-from-peers',
  'slow-peers',
  'lossy-peers',
  'duplicate-peer-calls',
  'disk-full',
  'disk-failing',
  'disk-rotting',
] as const;

/** What can go wrong with the log, or be done to it by others. */
export const LOG_FAULTS = [
  'log-down',
  'fail-over',
  'compaction',
  'tombstone-retention',
  'foreign-tombstone',
  'foreign-duplicate',
  'control-record',
  'open-transaction',
  'truncation',
  're-creation',
  'cluster-swap',
  'start-on-another-log',
] as const;

export const FAULTS = [...NODE_FAULTS, ...LOG_FAULTS] as const;
export type NodeFault = (typeof NODE_FAULTS)[number];
export type LogFault = (typeof LOG_FAULTS)[number];
export type Fault = NodeFault | LogFault;

export interface World {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly log: SimLog;
  readonly nodes: readonly SimNode[];
  readonly keys: readonly string[];
  readonly partitionOf: (key: string) => number;
  /** Moments at which the log became another one without a loss of contact. */
  readonly silentChanges: number[];
  readonly trace: ((line: string) => void) | undefined;
  /** An operation of a client, for the history. */
  readonly act: (node: SimNode, act: Act) => Promise<Operation>;
}

/** A client's metadata tell of a re-created topic within so long. */
export const HINTED_WITHIN_MS = 100;
/** Slow enough for a loss of contact to show. */
const DOWN_MS_MIN = 600;
/** Set back or ahead by this much and multiples, or by next to nothing: see FreshMarks for what is trusted. */
const CLOCK_JUMP_MS = 600_000;
const CLOCK_STEP_MS = 50;
const TOMBSTONES_AT_ONCE = 4;
const FILLERS = 8;
const CONTROLS_LOST = 2;
const TRANSACTION_MS_MAX = 20_000;
const DEAD_READER_MS_MAX = 25_000;
const STANDSTILL_MS_MAX = 3_000;
const DELETED_WHILE_AWAY = 5;
const ASKED_AT_ONCE = 5;

/** Does one fault and, where it lasts, takes it back later. Resolves when it is over. */
export async function strikeNode(world: World, fault: NodeFault): Promise<void> {
  const { scheduler, random, nodes } = world;
  const node = random.pick(nodes);
  const away = (min: number, max: number) => scheduler.sleep(random.between(min, max));
  switch (fault) {
    case 'kill':
    case 'power-loss':
    case 'lost-disk':
      node.kill();
      if (fault === 'power-loss') node.disk.losePower(random);
      if (fault === 'lost-disk') node.disk.wipe();
      await away(10, 2_000);
      node.start();
      return askAtOnce(world, node);
    case 'long-away':
      return leaveAlone(world, node);
    case 'long-lag': {
      const cut = random.chance(0.5);
      if (cut) node.reachesLog = false;
      else node.readersAreDead = true;
      await deleteAndForget(world);
      if (cut) node.reachesLog = true;
      else node.readersAreDead = false;
      return;
    }
    case 'freeze':
      return node.freeze(random.between(50, STANDSTILL_MS_MAX));
    case 'stall':
      return node.stall(random.between(50, STANDSTILL_MS_MAX));
    case 'clock-jump':
      node.wall.skewMs += random.chance(0.5)
        ? random.integer(-6, 6) * CLOCK_JUMP_MS
        : random.integer(-CLOCK_STEP_MS, CLOCK_STEP_MS);
      return;
    case 'cut-from-log':
      node.reachesLog = false;
      await away(20, 5_000);
      node.reachesLog = true;
      return;
    case 'slow-log': {
      const usual = node.logDelayMsMax;
      node.logDelayMsMax = random.between(20, 400);
      await away(100, 5_000);
      node.logDelayMsMax = usual;
      return;
    }
    case 'lossy-log':
      node.logLoss = random.between(0.05, 0.5);
      await away(100, 5_000);
      node.logLoss = 0;
      return;
    case 'dead-reader':
      node.readersAreDead = true;
      await away(100, DEAD_READER_MS_MAX);
      node.readersAreDead = false;
      return;
    case 'cut-from-peers':
      node.reachesPeers = false;
      await away(20, 5_000);
      node.reachesPeers = true;
      return;
    case 'slow-peers': {
      const usual = node.peerDelayMsMax;
      node.peerDelayMsMax = random.between(30, 200);
      await away(100, 5_000);
      node.peerDelayMsMax = usual;
      return;
    }
    case 'lossy-peers':
      node.peerLoss = random.between(0.1, 0.9);
      await away(100, 5_000);
      node.peerLoss = 0;
      return;
    case 'duplicate-peer-calls':
      node.duplicates = 0.5;
      await away(100, 5_000);
      node.duplicates = 0;
      return;
    case 'disk-full':
      node.disk.full = true;
      await away(20, 5_000);
      node.disk.full = false;
      return;
    case 'disk-failing':
      node.disk.failing = random.pick([0.05, 0.5, 1]);
      await away(20, 3_000);
      node.disk.failing = 0;
      return;
    case 'disk-rotting':
      return node.disk.rot(random);
  }
}

/** Before it has recovered, sometimes while nobody can help it. */
async function askAtOnce({ scheduler, random, keys, act }: World, node: SimNode): Promise<void> {
  const alone = random.chance(0.3);
  if (alone) node.reachesPeers = false;
  for (let i = 0; i < ASKED_AT_ONCE; i++) {
    await scheduler.sleep(random.between(0, 30));
    await act(node, { kind: 'get', key: random.pick(keys) });
  }
  if (alone) node.reachesPeers = true;
}

/** Down for a long time in which keys are deleted, then asked for them. */
async function leaveAlone(world: World, node: SimNode): Promise<void> {
  const { scheduler, random, log, nodes, keys, act } = world;
  const from = scheduler.now;
  node.kill();
  const deleted = Array.from({ length: DELETED_WHILE_AWAY }, () => random.pick(keys));
  for (const key of deleted) void act(random.pick(nodes), { kind: 'delete', key });
  if (random.chance(0.5)) await deleteAndForget(world);
  else await scheduler.sleep(random.between(3_000, Math.min(20_000, 3 * log.deleteRetentionMs)));
  node.absences.push({ from, to: scheduler.now });
  node.start();
  await scheduler.sleep(random.between(0, 500));
  for (const key of deleted) await act(node, { kind: 'get', key });
}

/** As `strikeNode`, for the log. One at a time. */
export async function strikeLog(world: World, fault: LogFault): Promise<void> {
  const { scheduler, random, log } = world;
  switch (fault) {
    case 'log-down':
      log.up = false;
      await scheduler.sleep(random.between(20, 3_000));
      log.up = true;
      return;
    case 'fail-over':
      log.up = false;
      await scheduler.sleep(random.between(20, 1_500));
      for (const [partition] of log.current.partitions.entries()) {
        if (random.chance(0.5)) log.failOver(partition);
      }
      log.up = true;
      return;
    case 'compaction':
      return compactAll(log);
    case 'tombstone-retention':
      return deleteAndForget(world);
    case 'foreign-tombstone':
      return foreign(world, null, 1);
    case 'foreign-duplicate':
      return foreign(world, Buffer.from(`foreign-${scheduler.now}`), 2);
    case 'control-record':
      return log.control(random.integer(0, log.current.partitions.length - 1));
    case 'open-transaction':
      return holdTransaction(world);
    case 'truncation':
      return truncate(world);
    case 're-creation':
    case 'cluster-swap':
    case 'start-on-another-log':
      return exchange(world, fault);
  }
}

function compactAll(log: SimLog): void {
  for (const [partition] of log.current.partitions.entries()) log.compact(partition);
}

/** Null tombstones of another producer, and all that it takes until the cleaner has removed them. */
async function deleteAndForget(world: World): Promise<void> {
  const { scheduler, random, log } = world;
  for (let i = 0; i < TOMBSTONES_AT_ONCE; i++) foreign(world, null, 1);
  // What is to be cleaned must no longer be the newest.
  await scheduler.sleep(random.between(100, 1_000));
  for (let i = 0; i < FILLERS; i++) foreign(world, Buffer.from(`filler-${scheduler.now}-${i}`), 1);
  compactAll(log);
  await scheduler.sleep(Math.min(20_000, log.deleteRetentionMs + random.between(1, 500)));
  compactAll(log);
}

/** Another producer writes, and writes again where its retries are not idempotent. */
function foreign({ log, random, keys, partitionOf }: World, value: Buffer | null, times: number) {
  const key = random.pick(keys);
  for (let i = 0; i < times; i++) {
    log.append({ partition: partitionOf(key), key: Buffer.from(key), value, headers: [] });
  }
}

/** Another producer takes its time between a record and the end of its transaction. */
async function holdTransaction(world: World): Promise<void> {
  const { scheduler, random, log } = world;
  const partition = random.integer(0, log.current.partitions.length - 1);
  const end = log.openTransaction(partition);
  // What is aborted later is never read; what is committed can be any record.
  if (random.chance(0.5)) log.control(partition);
  else foreign(world, Buffer.from(`transaction-${scheduler.now}`), 1);
  await scheduler.sleep(random.between(50, TRANSACTION_MS_MAX));
  end();
}

/** The leader dies, one that lacks the newest records takes over; sometimes it grows past the old end. */
async function truncate(world: World): Promise<void> {
  const { scheduler, random, log, keys, partitionOf } = world;
  const partition = random.integer(0, log.current.partitions.length - 1);
  const onlyControls = random.chance(0.3);
  if (onlyControls) {
    for (let i = 0; i < CONTROLS_LOST; i++) log.control(partition);
    await scheduler.sleep(random.between(0, 60));
  }
  log.up = false;
  await scheduler.sleep(random.between(DOWN_MS_MIN, 2_000));
  const lost = log.truncate(partition, onlyControls ? CONTROLS_LOST : random.integer(1, 10));
  if (random.chance(0.5)) {
    const home = keys.filter((key) => partitionOf(key) === partition);
    const more = lost + random.integer(0, 5);
    for (let i = 0; home.length > 0 && i < more; i++) {
      const value = Buffer.from(`regrown-${partition}-${log.partition(partition).end}`);
      log.append({ partition, key: Buffer.from(random.pick(home)), value, headers: [] });
    }
  }
  // An empty log under a node's data is taken for another one.
  if (log.current.partitions.every(({ end }) => end === 0)) foreign(world, Buffer.from('first'), 1);
  log.up = true;
}

/** Another log stands where ours was, for a while; then ours is back. */
async function exchange(
  world: World,
  fault: 're-creation' | 'cluster-swap' | 'start-on-another-log',
): Promise<void> {
  const { scheduler, random, log, nodes } = world;
  let ours: Incarnation;
  if (fault === 're-creation') {
    ours = log.swap('topic');
    world.silentChanges.push(scheduler.now);
    for (const node of nodes) node.hintWithin(random.between(0, HINTED_WITHIN_MS));
  } else {
    log.up = false;
    await scheduler.sleep(random.between(DOWN_MS_MIN, 2_000));
    ours = log.swap('cluster');
    log.up = true;
  }
  if (fault === 'start-on-another-log') {
    const node = random.pick(nodes);
    node.kill();
    await scheduler.sleep(random.between(10, 500));
    node.start();
  }
  await scheduler.sleep(random.between(100, 15_000));
  log.up = false;
  // Nobody brings a log back so quickly that it has come and gone while a process stood still.
  await scheduler.sleep(random.between(STANDSTILL_MS_MAX, STANDSTILL_MS_MAX + 1_500));
  log.restore(ours);
  log.up = true;
}
