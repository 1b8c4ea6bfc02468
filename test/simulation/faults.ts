import type { Random, Scheduler } from './scheduler.ts';
import type { Incarnation, SimLog } from './sim-log.ts';
import type { SimNode } from './sim-node.ts';

/** What can go wrong, and how often it did in a run. */
export const FAULTS = [
  'kill',
  'power-loss',
  'freeze',
  'cut-from-log',
  'cut-from-peers',
  'log-down',
  'disk-full',
  'lost-disk',
  'compaction',
  'foreign-tombstone',
  'control-record',
  'truncation',
  're-creation',
  'cluster-swap',
  'long-away',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface World {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly log: SimLog;
  readonly nodes: readonly SimNode[];
  readonly keys: readonly string[];
  readonly partitionOf: (key: string) => number;
  /** Moments at which the log became another one without a loss of contact. */
  readonly silentChanges: number[];
}

/** Does one fault and, where it lasts, takes it back later. Resolves when it is over. */
export async function strike(world: World, fault: Fault): Promise<void> {
  const { scheduler, random, log, nodes } = world;
  const node = random.pick(nodes);
  const away = (min: number, max: number) => scheduler.sleep(random.between(min, max));
  switch (fault) {
    case 'kill':
    case 'power-loss':
    case 'lost-disk':
    case 'long-away':
      node.kill();
      if (fault === 'power-loss') node.disk.losePower(random);
      if (fault === 'lost-disk') node.disk.wipe();
      await away(10, fault === 'long-away' ? 20_000 : 2_000);
      if (!node.alive) await node.start();
      return;
    case 'freeze':
      node.freeze(random.between(50, 3_000));
      return;
    case 'cut-from-log':
      node.reachesLog = false;
      await away(20, 5_000);
      node.reachesLog = true;
      return;
    case 'cut-from-peers':
      node.reachesPeers = false;
      await away(20, 5_000);
      node.reachesPeers = true;
      return;
    case 'log-down':
      log.up = false;
      await away(20, 3_000);
      log.up = true;
      return;
    case 'disk-full':
      node.disk.full = true;
      await away(20, 5_000);
      node.disk.full = false;
      return;
    case 'compaction':
      for (const [partition] of log.current.partitions.entries()) log.compact(partition);
      return;
    case 'foreign-tombstone': {
      const key = random.pick(world.keys);
      if (log.up) log.tombstone(world.partitionOf(key), Buffer.from(key));
      return;
    }
    case 'control-record':
      log.control(random.integer(0, log.current.partitions.length - 1));
      return;
    case 'truncation':
      return truncate(world);
    case 're-creation':
    case 'cluster-swap':
      return exchange(world, fault);
  }
}

/** The leader dies, one that lacks the newest records takes over; sometimes it grows past the old end. */
async function truncate({ scheduler, random, log, keys, partitionOf }: World): Promise<void> {
  if (!log.up) return;
  log.up = false;
  await scheduler.sleep(random.between(600, 2_000));
  const partition = random.integer(0, log.current.partitions.length - 1);
  const lost = log.truncate(partition, random.integer(1, 10));
  if (random.chance(0.5)) {
    const home = keys.filter((key) => partitionOf(key) === partition);
    for (let i = 0; home.length > 0 && i < lost + random.integer(0, 5); i++) {
      const value = Buffer.from(`regrown-${partition}-${log.partition(partition).end}`);
      log.append({ partition, key: Buffer.from(random.pick(home)), value, headers: [] });
    }
  }
  log.up = true;
}

/** Another log stands where ours was, for a while; then ours is back. */
async function exchange(world: World, fault: 're-creation' | 'cluster-swap'): Promise<void> {
  const { scheduler, random, log, nodes } = world;
  if (!log.up) return;
  let ours: Incarnation;
  if (fault === 're-creation') {
    ours = log.swap('topic');
    world.silentChanges.push(scheduler.now);
    for (const node of nodes) scheduler.after(random.between(0, 100), () => node.hint());
  } else {
    log.up = false;
    await scheduler.sleep(random.between(600, 2_000));
    ours = log.swap('cluster');
    log.up = true;
  }
  await scheduler.sleep(random.between(100, 15_000));
  log.up = false;
  await scheduler.sleep(random.between(600, 2_000));
  log.restore(ours);
  log.up = true;
}
