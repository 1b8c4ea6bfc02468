import { randomUUID } from 'node:crypto';
import { type KafkaCluster, startKafka } from './kafka.ts';
import { startZookeeper, type ZookeeperServer } from './zookeeper.ts';

/**
 * Services for tests that break nothing. In this order: those of the run (BITACORA_TEST_…, set by
 * the runner), those that the user names (TEST_…), or own ones for one test file run alone.
 */
export interface SharedKafka {
  readonly brokerList: string;
  release(): Promise<void>;
}

export interface SharedZookeeper {
  /** Without a chroot. */
  readonly hosts: string;
  release(): Promise<void>;
}

export async function sharedKafka(): Promise<SharedKafka> {
  const brokerList = given('BITACORA_TEST_KAFKA') ?? given('TEST_BROKER_LIST');
  if (brokerList !== undefined) return { brokerList, release: async () => {} };
  const kafka = await startKafka();
  return { brokerList: kafka.brokerList, release: () => kafka.stop() };
}

export async function sharedZookeeper(): Promise<SharedZookeeper> {
  const hosts = given('BITACORA_TEST_ZOOKEEPER') ?? given('TEST_ZOOKEEPER_HOSTS');
  if (hosts !== undefined) return { hosts, release: async () => {} };
  const zookeeper = await startZookeeper();
  return { hosts: zookeeper.hosts, release: () => zookeeper.stop() };
}

/** Why tests that stop, freeze or wipe a service are skipped; undefined when they can run. */
export function breakableServices(): string | undefined {
  const names = ['TEST_BROKER_LIST', 'TEST_ZOOKEEPER_HOSTS'].filter((name) => given(name));
  if (names.length === 0) return undefined;
  return `needs services of its own to break, and ${names.join(' and ')} name yours`;
}

/** A name for a topic, a group or a ZooKeeper chroot that nothing else uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomUUID().slice(0, 13)}`;
}

/** Starts what the user has not named, for all files of a run, and tells them through the environment. */
export async function startShared(): Promise<{ stop(): Promise<void> }> {
  const started: (KafkaCluster | ZookeeperServer)[] = [];
  const stop = async () => {
    await Promise.all(started.map((service) => service.stop()));
  };
  const starting = await Promise.allSettled([
    startFor('TEST_BROKER_LIST', 'BITACORA_TEST_KAFKA', async () => {
      const kafka = await startKafka();
      started.push(kafka);
      return kafka.brokerList;
    }),
    startFor('TEST_ZOOKEEPER_HOSTS', 'BITACORA_TEST_ZOOKEEPER', async () => {
      const zookeeper = await startZookeeper();
      started.push(zookeeper);
      return zookeeper.hosts;
    }),
  ]);
  const failed = starting.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  return { stop };
}

async function startFor(given: string, told: string, start: () => Promise<string>): Promise<void> {
  process.env[told] = process.env[given] || (await start());
}

/** An empty variable counts as unset. */
function given(name: string): string | undefined {
  return process.env[name] || undefined;
}
