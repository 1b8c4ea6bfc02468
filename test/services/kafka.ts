import { randomBytes } from 'node:crypto';
import { jarFolder, KAFKA_JARS } from './jars.ts';
import { KafkaBroker } from './kafka-broker.ts';
import { freePorts, removeFolder, serviceFolder } from './process.ts';

export interface KafkaOptions {
  /** 1, or 3 for replication. */
  readonly brokers?: number;
  /** Settings of every broker, over those that the tests use otherwise. */
  readonly properties?: Readonly<Record<string, string | number>>;
  /** 22 characters; another id is another cluster. */
  readonly clusterId?: string;
  /** Names (letters and digits) of further doors for clients, for those that need addresses of their own. */
  readonly doors?: readonly string[];
  /** What clients are told to connect to (`host:port`, such as a proxy's) instead of a door's own port. */
  readonly advertise?: (
    brokerIndex: number,
    port: number,
    door: string,
  ) => string | Promise<string>;
  readonly heapMiB?: number;
}

/** The door that every broker has. */
const CLIENT_DOOR = 'CLIENT';
/** Ports of a broker besides the doors: between brokers, and of the controller. */
const INNER_PORTS = 2;

/** A real Kafka: one or more combined KRaft nodes on loopback, each a process of its own. */
export class KafkaCluster {
  readonly clusterId: string;
  /** Where clients connect: the advertised addresses. */
  readonly brokerList: string;
  readonly brokers: readonly KafkaBroker[];
  readonly #folder: string;

  constructor(clusterId: string, brokers: readonly KafkaBroker[], folder: string) {
    this.clusterId = clusterId;
    this.brokers = brokers;
    this.brokerList = brokers.map(({ advertised }) => advertised).join(',');
    this.#folder = folder;
  }

  /** As `brokerList`, through one of the further doors. */
  brokerListOf(door: string): string {
    return this.brokers.map((broker) => broker.advertisedAt(door)).join(',');
  }

  /** Resolves when every broker that runs knows, and can be asked for, all of those that run. */
  async waitReady(): Promise<void> {
    const running = this.brokers.filter((broker) => broker.running);
    await Promise.all(running.map((broker) => broker.waitReady(running.length)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker.kill()));
    await removeFolder(this.#folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Starts a Kafka with data of its own; about 4 s for one broker, 10 s for three. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaCluster> {
  const count = options.brokers ?? 1;
  const clusterId = options.clusterId ?? randomClusterId();
  const jars = await jarFolder(KAFKA_JARS);
  const folder = await serviceFolder('kafka');
  const names = [CLIENT_DOOR, ...(options.doors ?? [])];
  const each = INNER_PORTS + names.length;
  const ports = await freePorts(count * each);
  const portsOf = (index: number) => ports.slice(index * each, (index + 1) * each);
  const voters = Array.from(
    { length: count },
    (_, index) => `${index + 1}@127.0.0.1:${portsOf(index)[1]}`,
  );
  const brokers = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const [innerPort = 0, controllerPort = 0, ...doorPorts] = portsOf(index);
      const doors = await Promise.all(
        names.map(async (name, at) => {
          const port = doorPorts[at] ?? 0;
          const told = await options.advertise?.(index, port, name);
          return { name, port, advertised: told ?? `127.0.0.1:${port}` };
        }),
      );
      return new KafkaBroker({
        id: index + 1,
        doors,
        innerPort,
        controllerPort,
        voters: voters.join(','),
        copies: Math.min(count, 3),
        jars,
        folder,
        heapMiB: options.heapMiB ?? (count === 1 ? 512 : 384),
        properties: options.properties ?? {},
      });
    }),
  );
  const cluster = new KafkaCluster(clusterId, brokers, folder);
  try {
    await Promise.all(brokers.map((broker) => broker.format(clusterId)));
    await Promise.all(brokers.map((broker) => broker.launch()));
    await cluster.waitReady();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

function randomClusterId(): string {
  // A leading hyphen would be read as a flag by the format tool.
  return `B${randomBytes(16).toString('base64url').slice(1)}`;
}
