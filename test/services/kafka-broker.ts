import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Admin } from '@platformatic/kafka';
import { loggingOptions } from './logging.ts';
import { ServiceProcess } from './process.ts';

const START_MS_MAX = 90_000;
const FORMAT_MS_MAX = 60_000;
const ASK_MS_MAX = 2_000;
const JVM = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

/** Where clients come in. */
export interface BrokerDoor {
  /** Letters and digits. */
  readonly name: string;
  readonly port: number;
  /** `host:port` that clients who came through this door are told. */
  readonly advertised: string;
}

export interface KafkaBrokerOptions {
  readonly id: number;
  /** The first is for whoever needs none of their own. */
  readonly doors: readonly BrokerDoor[];
  /** Between brokers, so that a proxy before the clients' port is not in their way. */
  readonly innerPort: number;
  readonly controllerPort: number;
  /** Of the controllers, as Kafka writes them. */
  readonly voters: string;
  /** Of Kafka's own topics. */
  readonly copies: number;
  readonly jars: string;
  /** Of the cluster; the broker has a folder of its own in it. */
  readonly folder: string;
  readonly heapMiB: number;
  readonly properties: Readonly<Record<string, string | number>>;
}

/** One node of a Kafka cluster, broker and controller in one; keeps data and ports over kill and start. */
export class KafkaBroker {
  readonly id: number;
  readonly port: number;
  readonly advertised: string;
  readonly #options: KafkaBrokerOptions;
  readonly #folder: string;
  #process: ServiceProcess | undefined;

  constructor(options: KafkaBrokerOptions) {
    this.id = options.id;
    const [door] = options.doors;
    if (door === undefined) throw new TypeError('a broker needs a door');
    this.port = door.port;
    this.advertised = door.advertised;
    this.#options = options;
    this.#folder = join(options.folder, `broker-${options.id}`);
  }

  /** What clients are told who came through this door. */
  advertisedAt(door: string): string {
    return this.#door(door).advertised;
  }

  portOf(door: string): number {
    return this.#door(door).port;
  }

  get pid(): number | undefined {
    return this.#process?.running ? this.#process.pid : undefined;
  }

  get running(): boolean {
    return this.#process?.running ?? false;
  }

  /** Writes the settings and makes the data folder a part of the cluster. */
  async format(clusterId: string): Promise<void> {
    await mkdir(this.#folder);
    await writeFile(join(this.#folder, 'server.properties'), this.#settings());
    const tool = await this.#run('format', [
      'kafka.tools.StorageTool',
      ...['format', '-t', clusterId, '-c', 'server.properties'],
    ]);
    await tool.untilEnded("Kafka's format tool", FORMAT_MS_MAX);
    const said = await tool.logTail();
    if (!said.includes('Formatting')) throw new Error(`Kafka's format tool failed:\n${said}`);
  }

  /** Starts the process without waiting for the broker in it. */
  async launch(): Promise<void> {
    if (this.running) throw new Error(`broker ${this.id} is running`);
    this.#process = await this.#run('server', ['kafka.Kafka', 'server.properties']);
  }

  /** Starts it again and resolves once it answers as a part of the cluster. */
  async start(): Promise<void> {
    await this.launch();
    await this.waitReady(1);
  }

  /** Resolves when the broker, asked for it, names itself and at least `brokers` in all. */
  async waitReady(brokers: number): Promise<void> {
    if (this.#process === undefined) throw new Error(`broker ${this.id} was never started`);
    await this.#process.untilReady(`Kafka broker ${this.id}`, START_MS_MAX, async () => {
      const known = await this.knownBrokers();
      return known.includes(this.id) && known.length >= brokers;
    });
  }

  /** The ids of the brokers that this one says are alive; rejects when it does not answer. */
  async knownBrokers(): Promise<number[]> {
    const admin = new Admin({
      clientId: 'bitacora-test',
      bootstrapBrokers: [`127.0.0.1:${this.port}`],
      retries: false,
      connectTimeout: ASK_MS_MAX,
      timeout: ASK_MS_MAX,
    });
    try {
      const { brokers } = await admin.metadata({ topics: [], forceUpdate: true });
      return [...brokers.keys()].sort();
    } finally {
      await admin.close();
    }
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#process?.kill(signal);
  }

  /** Freezes it: connections stay open, nothing answers. */
  pause(): void {
    this.#process?.signal('SIGSTOP');
  }

  resume(): void {
    this.#process?.signal('SIGCONT');
  }

  #door(door: string): BrokerDoor {
    const found = this.#options.doors.find(({ name }) => name === door);
    if (found === undefined) throw new Error(`broker ${this.id} has no door ${door}`);
    return found;
  }

  async #run(name: string, main: readonly string[]): Promise<ServiceProcess> {
    const { jars, heapMiB, folder: root } = this.#options;
    const logging = await loggingOptions(this.#folder);
    const command = ['java', `-Xmx${heapMiB}m`, ...JVM, ...logging, '-cp', `${jars}/*`, ...main];
    return ServiceProcess.start({ name, folder: this.#folder, root, command });
  }

  #settings(): string {
    const { id, doors, innerPort, controllerPort, voters, copies } = this.#options;
    const listed = (text: (door: BrokerDoor) => string) => doors.map(text).join(',');
    const copiesMin = Math.max(1, copies - 1);
    const settings: Record<string, string | number> = {
      'process.roles': 'broker,controller',
      'node.id': id,
      'controller.quorum.voters': voters,
      listeners: `${listed(({ name, port }) => `${name}://127.0.0.1:${port}`)},INNER://127.0.0.1:${innerPort},CONTROLLER://127.0.0.1:${controllerPort}`,
      'advertised.listeners': `${listed(({ name, advertised }) => `${name}://${advertised}`)},INNER://127.0.0.1:${innerPort}`,
      'inter.broker.listener.name': 'INNER',
      'controller.listener.names': 'CONTROLLER',
      'listener.security.protocol.map': `${listed(({ name }) => `${name}:PLAINTEXT`)},INNER:PLAINTEXT,CONTROLLER:PLAINTEXT`,
      'log.dirs': join(this.#folder, 'data'),
      'auto.create.topics.enable': 'false',
      'offsets.topic.num.partitions': 4,
      'offsets.topic.replication.factor': copies,
      'transaction.state.log.num.partitions': 2,
      'transaction.state.log.replication.factor': copies,
      'transaction.state.log.min.isr': copiesMin,
      'share.coordinator.state.topic.num.partitions': 2,
      'share.coordinator.state.topic.replication.factor': copies,
      'share.coordinator.state.topic.min.isr': copiesMin,
      'group.initial.rebalance.delay.ms': 0,
      // A killed broker may come back only after its old session.
      'broker.session.timeout.ms': copies === 1 ? 3_000 : 1_500,
      'broker.heartbeat.interval.ms': copies === 1 ? 500 : 300,
      'log.cleaner.backoff.ms': 200,
      'log.cleaner.dedupe.buffer.size': 8 * 1024 * 1024,
      'log.retention.check.interval.ms': 1_000,
      'log.initial.task.delay.ms': 1_000,
      'num.network.threads': 2,
      'num.io.threads': 4,
      ...this.#options.properties,
    };
    return Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join('');
  }
}
