import { BitacoraClient } from '../../src/client/client.ts';
import { eventually } from '../helpers/eventually.ts';
import { FaultProxy } from '../helpers/fault-proxy.ts';
import { createTopic } from '../helpers/raw-kafka.ts';
import { SmallDisk } from '../helpers/small-disk.ts';
import { type KafkaCluster, startKafka } from '../services/kafka.ts';
import { freePorts } from '../services/process.ts';
import { startZookeeper, type ZookeeperServer } from '../services/zookeeper.ts';
import { Random } from '../simulation/scheduler.ts';
import { STALE_AFTER_MS } from './checkers.ts';
import type { Operation } from './history.ts';
import { Load } from './load.ts';
import { Recorder } from './recorder.ts';
import { TopicWitness } from './topic-witness.ts';
import { TortureNode } from './torture-node.ts';

const NODES = ['n1', 'n2', 'n3'] as const;
export const TOPIC = 'torture';
export const PARTITIONS = 3;
/** A node that was not fresh for longer has missed deletes without a value. */
export const DELETE_RETENTION_MS = 8_000;
/** ZooKeeper gives up a node that is silent for longer. */
export const SESSION_MS = 4_000;
/** Small segments and an eager cleaner: what is superseded is gone within seconds. */
const TOPIC_CONFIG = {
  'cleanup.policy': 'compact',
  'message.timestamp.type': 'LogAppendTime',
  'delete.retention.ms': String(DELETE_RETENTION_MS),
  'segment.ms': '1000',
  'min.cleanable.dirty.ratio': '0',
  'file.delete.delay.ms': '1000',
};
/** Where nodes say that they are; a proxy listens there, the node itself at 127.0.0.1. */
const ANNOUNCED_HOST = '127.0.0.2';
const LOOPBACK = '127.0.0.1';
/** Contract §8.7, for a wiped or expired ZooKeeper; the rest may not take longer either. */
const BACK_WITHIN_MS = 30_000;

export const ENV = {
  KAFKA_TOPIC: TOPIC,
  BIND_ADDRESS: LOOPBACK,
  STALE_AFTER_MS: String(STALE_AFTER_MS),
  WRITE_TIMEOUT_MS: '5000',
  ZOOKEEPER_SESSION_MS: String(SESSION_MS),
  // Less than the keys need, so that reads go to storage as well.
  CACHE_BYTES_MAX: '16KiB',
};

/** Services, nodes, what lies between them, and the clients. */
export class World {
  readonly random: Random;
  /** The cluster that holds the topic. */
  kafka!: KafkaCluster;
  zookeeper!: ZookeeperServer;
  readonly nodes: TortureNode[] = [];
  load!: Load;
  witness!: TopicWitness;
  recorder = new Recorder();
  /** Why there is no disk that can be filled. */
  noSmallDisk: string | undefined;
  readonly #avro: BitacoraClient[] = [];

  private constructor(seed: number) {
    this.random = new Random(seed);
  }

  static async open(seed: number): Promise<World> {
    const world = new World(seed);
    try {
      await world.#open();
    } catch (error) {
      await world.close();
      throw error;
    }
    return world;
  }

  /** Through the door that is the services' own, past all proxies. */
  get brokers(): string {
    return this.kafka.brokerList;
  }

  get chroot(): string {
    return '/torture';
  }

  /** A new history begins, with what was done to the topic before. The topic must be there. */
  async begin(before: readonly Operation[] = []): Promise<void> {
    this.recorder = new Recorder();
    for (const operation of before) this.recorder.keep(operation);
    this.witness = await TopicWitness.open(this.brokers, TOPIC, PARTITIONS);
  }

  async makeTopic(): Promise<void> {
    await createTopic(this.brokers, TOPIC, TOPIC_CONFIG, PARTITIONS);
  }

  /**
   * All nodes are healthy, have caught up, are registered and know each other. Rejects with what is
   * missing.
   */
  async recovered(withinMs = BACK_WITHIN_MS): Promise<void> {
    for (const node of this.nodes) {
      const missing = async () => {
        if (node.fate !== undefined) return node.fate;
        if (!(await node.healthy())) return 'not healthy';
        const { state, log, cluster } = await node.status();
        if (state !== 'running') return state;
        if (!log.partitions.every(({ caughtUp }) => caughtUp)) return 'not caught up';
        const others = this.nodes.filter(({ name }) => name !== node.name);
        const known = (http: string) => cluster.members.some((member) => member.http === http);
        const unknown = others.find((other) => !known(announced(other.http)));
        if (unknown !== undefined) return `does not know ${unknown.name}`;
        return this.#unregistered(node);
      };
      let reason: string | undefined;
      const fine = async () => {
        reason = await missing();
        return reason === undefined || node.fate !== undefined;
      };
      await eventually(`${node.name} is back`, fine, { withinMs }).catch((error: Error) => {
        const why = reason ?? (error.cause as Error | undefined)?.message;
        throw new Error(`${error.message}: ${why}\n${node.process.tail()}`);
      });
      if (reason !== undefined) throw new Error(reason);
    }
  }

  async close(): Promise<void> {
    await this.load?.stop();
    await this.witness?.close();
    await Promise.all(this.#avro.map((client) => client.close()));
    await Promise.all(this.nodes.map((node) => node.remove()));
    await this.kafka?.stop();
    await this.zookeeper?.stop();
  }

  /** What ZooKeeper itself lacks of a node. */
  async #unregistered({ http, avro }: TortureNode): Promise<string | undefined> {
    const ephemerals = await this.zookeeper.ask('dump');
    const root = `${this.chroot}/bitacora`;
    const paths = [`${root}/servers/${announced(http)}`, `${root}/sockets/${announced(avro)}`];
    const missing = paths.find((path) => !ephemerals.includes(`${path}\n`));
    return missing === undefined ? undefined : `ZooKeeper has no ${missing}`;
  }

  async #open(): Promise<void> {
    const kafkaLinks = new Map<string, FaultProxy>();
    const advertise = async (_: number, port: number, door: string) => {
      if (!NODES.some((name) => name.toUpperCase() === door)) return `${LOOPBACK}:${port}`;
      const proxy = await FaultProxy.open({ target: { host: LOOPBACK, port } });
      kafkaLinks.set(door, proxy);
      return `${LOOPBACK}:${proxy.port}`;
    };
    const doors = NODES.map((name) => name.toUpperCase());
    [this.kafka, this.zookeeper] = await Promise.all([
      startKafka({ doors, advertise, heapMiB: 384 }),
      startZookeeper(),
    ]);
    await this.makeTopic();
    const disk = await SmallDisk.make().catch((error: Error) => {
      this.noSmallDisk = error.message;
      return undefined;
    });
    const ports = await freePorts(NODES.length * 2);
    for (const [i, name] of NODES.entries()) {
      const kafka = kafkaLinks.get(name.toUpperCase());
      if (kafka === undefined) throw new Error(`no link of ${name} to Kafka`);
      const [http = 0, avro = 0] = ports.slice(2 * i, 2 * i + 2);
      const links = {
        kafka,
        zookeeper: await this.#link(this.zookeeper.port),
        peers: await this.#link(http, true),
        rpc: await this.#link(avro, true),
      };
      const env = {
        ...ENV,
        API_PORT: String(http),
        AVRO_PORT: String(avro),
        NODE_ADDRESS: ANNOUNCED_HOST,
        BROKER_LIST: this.kafka.brokerListOf(name.toUpperCase()),
        ZOOKEEPER_HOSTS: `${LOOPBACK}:${links.zookeeper.port}${this.chroot}`,
      };
      const place = { name, http: `${LOOPBACK}:${http}`, avro: `${LOOPBACK}:${avro}` };
      const options = { ...place, links, env, ...(i === 0 && { disk }) };
      this.nodes.push(await TortureNode.make(options));
    }
    await this.begin();
    await Promise.all(this.nodes.map((node) => node.start()));
    await this.recovered();
    await this.#openLoad();
  }

  async #openLoad(): Promise<void> {
    const servers = this.nodes.map(({ avro }) => avro);
    const zookeeper = `${this.zookeeper.hosts}${this.chroot}`;
    this.#avro.push(
      await BitacoraClient.connect({ servers }),
      await BitacoraClient.connect({ zookeeper }),
    );
    this.load = new Load({
      nodes: this.nodes,
      avro: this.#avro,
      brokers: this.brokers,
      topic: TOPIC,
      random: this.random,
      recorder: () => this.recorder,
    });
  }

  /** A link to a port of a node or service; `announced`: under the address that nodes say. */
  #link(port: number, announcedHost = false): Promise<FaultProxy> {
    return FaultProxy.open({
      target: { host: LOOPBACK, port },
      ...(announcedHost && { host: ANNOUNCED_HOST, port }),
    });
  }
}

/** Where others find the node that listens at `address`. */
function announced(address: string): string {
  return address.replace(LOOPBACK, ANNOUNCED_HOST);
}
