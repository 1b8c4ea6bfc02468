import { inTurns } from '../../async.ts';
import type { Clock } from '../../clock.ts';
import { sleep } from '../../clock.ts';
import { ExitError, LogUnavailableError } from '../../errors.ts';
import type { LogIdentity } from '../../log-identity.ts';
import type { Logger } from '../../logger.ts';
import type { LogRecord } from '../../record.ts';
import type {
  Appended,
  AppendRequest,
  LogDescription,
  PartitionBounds,
  Wal,
  WalEvents,
  WalReader,
} from '../wal.ts';
import { KafkaAdmin, type TopicFacts } from './kafka-admin.ts';
import { KafkaAppender } from './kafka-appender.ts';
import { type ClientContext, type KafkaModule, loadKafkaModule } from './kafka-client.ts';
import { KafkaContact } from './kafka-contact.ts';
import { unavailable } from './kafka-errors.ts';
import { fetchPlaces } from './kafka-fetch.ts';
import { KafkaGroupOffsets } from './kafka-group-offsets.ts';
import { doubtIn, type KafkaLogLine } from './kafka-log-lines.ts';
import {
  fetcherConfig,
  type KafkaConnection,
  type KafkaSecurity,
  probeConfig,
  producerConfig,
  readerConfig,
} from './kafka-options.ts';
import { KafkaProbe } from './kafka-probe.ts';
import { KafkaReader } from './kafka-reader.ts';
import {
  judgeTopic,
  messageBytesFor,
  planTopic,
  replicationFor,
  type TopicJudgement,
  type TopicWish,
} from './kafka-topic.ts';
import { KafkaTransactionWatch } from './kafka-transaction-watch.ts';

export interface KafkaWalOptions {
  /** `host:port[,host:port…]` */
  readonly brokers: string;
  readonly topic: string;
  /** Only for a topic that is created. */
  readonly partitions: number;
  /** Only for a topic that is created; undefined: 3, or 1 where there is one broker and one was named. */
  readonly replication: number | undefined;
  /** Only for a topic that is created: how long the cleaner lets each record alone. */
  readonly compactionLagMs: number;
  /** Asked at every `read`. */
  readonly groupId: () => string;
  readonly clientId: string;
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
  readonly writeTimeoutMs: number;
  readonly security: KafkaSecurity;
  readonly clock: Clock;
  readonly logger: Logger;
}

const PROBE_CONNECT_MS = 4_000;
const CREATED_WITHIN_MS = 4_000;
const LOOK_AGAIN_MS = 100;
const SAME_DOUBT_MS = 1_000;

/** What a successful `connect` has left. */
interface Link {
  readonly identity: LogIdentity;
  readonly description: LogDescription;
  /** Told high watermarks. */
  readonly written: KafkaProbe;
  /** Told last stable offsets. */
  readonly readable: KafkaProbe;
  readonly appender: KafkaAppender;
  readonly transactions: KafkaTransactionWatch;
}

/** The log in a Kafka topic. */
export class KafkaWal implements Wal {
  readonly kind = 'kafka';
  readonly #kafka: KafkaModule;
  readonly #admin: KafkaAdmin;
  readonly #options: KafkaWalOptions;
  readonly #connection: KafkaConnection;
  readonly #wish: TopicWish;
  readonly #context: ClientContext;
  readonly #contact = new KafkaContact();
  readonly #stop = new AbortController();
  readonly #readers = new Set<KafkaReader>();
  readonly #offsets: KafkaGroupOffsets;
  readonly #facts: () => Promise<TopicFacts | undefined>;
  #link: Link | undefined;
  #connecting: Promise<LogDescription> | undefined;
  #doubted = { why: '', at: 0 };
  #closing: Promise<void> | undefined;

  private constructor(kafka: KafkaModule, admin: KafkaAdmin, options: KafkaWalOptions) {
    this.#kafka = kafka;
    this.#admin = admin;
    this.#options = options;
    const { brokers, clientId, security, topic, partitions, replication, compactionLagMs } =
      options;
    this.#connection = { brokers, clientId, security };
    const recordBytesMax = options.keyBytesMax + options.valueBytesMax;
    this.#wish = { topic, partitions, replication, recordBytesMax, compactionLagMs };
    this.#context = {
      clock: options.clock,
      logger: options.logger,
      onLine: (line) => this.#heard(line),
    };
    const { groupId, clock, logger } = options;
    this.#offsets = new KafkaGroupOffsets({
      admin,
      topic,
      groupId,
      contact: this.#contact,
      clock,
      logger,
    });
    this.#facts = inTurns(() => this.#askFacts());
  }

  /** Reaches nothing yet. @throws ExitError when the client is not installed or settings do not fit. */
  static async open(options: KafkaWalOptions): Promise<KafkaWal> {
    const kafka = await loadKafkaModule();
    const { brokers, clientId, security, clock } = options;
    return new KafkaWal(
      kafka,
      await KafkaAdmin.open({ brokers, clientId, security }, clock),
      options,
    );
  }

  get connected(): boolean {
    return this.#contact.connected;
  }

  get events(): WalEvents {
    return this.#contact.events;
  }

  set events(events: WalEvents) {
    this.#contact.events = events;
  }

  connect(): Promise<LogDescription> {
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async identity(): Promise<LogIdentity> {
    const facts = await this.#facts();
    if (facts === undefined) {
      throw new LogUnavailableError(`topic ${this.#wish.topic} does not exist`);
    }
    return this.#identityOf(facts);
  }

  async ends(): Promise<readonly number[]> {
    return this.#linked().written.ends();
  }

  async readableEnds(): Promise<readonly number[]> {
    return this.#linked().readable.ends();
  }

  async bounds(): Promise<readonly PartitionBounds[]> {
    const { written, readable } = this.#linked();
    const starts = await written.starts();
    const [ends, readables] = await Promise.all([written.ends(), readable.ends()]);
    return ends.map((end, p) => ({ start: starts[p] ?? 0, end, readable: readables[p] ?? end }));
  }

  async fetch(
    places: readonly { readonly partition: number; readonly offset: number }[],
  ): Promise<readonly (LogRecord | undefined)[]> {
    this.#linked();
    const options = {
      kafka: this.#kafka,
      config: fetcherConfig(this.#connection),
      topic: this.#wish.topic,
      context: this.#context,
      bounds: () => this.bounds(),
    };
    return fetchPlaces(options, places);
  }

  async append(request: AppendRequest): Promise<Appended> {
    if (this.#link === undefined || this.#closing !== undefined) {
      throw unavailable('The log is not connected', 'not_written');
    }
    return this.#link.appender.append(request);
  }

  async read(positions: readonly number[]): Promise<WalReader> {
    const { identity, readable } = this.#linked();
    if (positions.length !== identity.partitions) {
      throw new RangeError(`${positions.length} positions for ${identity.partitions} partitions`);
    }
    const reader = await KafkaReader.open({
      kafka: this.#kafka,
      config: readerConfig(this.#connection, this.#options.groupId()),
      topic: identity.topic,
      positions,
      context: this.#context,
      contact: this.#contact,
      ends: readable.ends,
      onClosed: (closed) => this.#readers.delete(closed),
    });
    if (this.#closing !== undefined) {
      await reader.close();
      throw new LogUnavailableError('the log is closed');
    }
    this.#readers.add(reader);
    return reader;
  }

  publishPositions(positions: readonly number[]): void {
    void this.#link?.transactions.look();
    if (this.#closing === undefined && this.#link !== undefined) this.#offsets.publish(positions);
  }

  close(flushMs: number): Promise<void> {
    this.#closing ??= this.#close(flushMs);
    return this.#closing;
  }

  async #close(flushMs: number): Promise<void> {
    this.#stop.abort();
    this.#contact.events = {};
    const link = this.#link;
    await Promise.all([
      link?.appender.close(flushMs),
      ...[...this.#readers].map((reader) => reader.close()),
    ]);
    await Promise.all([link?.written.close(), link?.readable.close(), this.#admin.close()]);
  }

  async #connect(): Promise<LogDescription> {
    const { topic } = this.#wish;
    const facts = (await this.#facts()) ?? (await this.#createTopic());
    const configs = await this.#admin.configs(topic);
    this.#refuseClosed();
    const { replication } = facts;
    const judgement = judgeTopic({ topic, replication, configs }, this.#wish, this.#kafka.features);
    if (judgement.refusal !== undefined) throw new ExitError(2, judgement.refusal);
    const identity = this.#identityOf(facts);
    const { refusal: _, messageBytesMax: __, ...told } = judgement;
    const description = { identity, ...told };
    await this.#openLink(description, judgement);
    return description;
  }

  /** Opens the clients, unless those of an earlier `connect` still serve the same log. */
  async #openLink(description: LogDescription, judgement: TopicJudgement): Promise<void> {
    const { identity } = description;
    const former = this.#link;
    if (former !== undefined && isSame(former.description, description)) return;
    this.#link = undefined;
    // Clients carry on as if nothing was when their topic is made again.
    await Promise.all([
      former?.appender.close(0),
      former?.written.close(),
      former?.readable.close(),
    ]);
    const { topic, recordBytesMax } = this.#wish;
    const common = { kafka: this.#kafka, topic, context: this.#context, contact: this.#contact };
    const probe = (isolation: 'read_uncommitted' | 'read_committed') =>
      new KafkaProbe({
        ...common,
        config: probeConfig(this.#connection, isolation),
        partitions: identity.partitions,
      });
    const probes = { written: probe('read_uncommitted'), readable: probe('read_committed') };
    const { written, readable } = probes;
    const appender = new KafkaAppender({
      ...common,
      config: producerConfig(this.#connection, {
        writeTimeoutMs: this.#options.writeTimeoutMs,
        messageBytesMax: judgement.messageBytesMax ?? messageBytesFor(recordBytesMax),
      }),
      recordBytesMax: judgement.recordBytesMax,
    });
    const opened = await Promise.allSettled([
      written.connect(PROBE_CONNECT_MS),
      readable.connect(PROBE_CONNECT_MS),
      appender.connect(),
    ]);
    const failure = opened.find((each) => each.status === 'rejected');
    if (failure !== undefined || this.#stop.signal.aborted) {
      await Promise.all([written.close(), readable.close(), appender.close(0)]);
      this.#refuseClosed();
      throw failure?.reason;
    }
    const transactions = new KafkaTransactionWatch(probes, this.#contact, this.#options.clock);
    this.#link = { identity, description, ...probes, appender, transactions };
    this.#contact.set(true);
  }

  async #createTopic(): Promise<TopicFacts> {
    const { topic } = this.#wish;
    const alive = await this.#admin.aliveBrokers();
    const replication = replicationFor(this.#wish, alive, this.#options.brokers.split(',').length);
    if (alive < replication) {
      throw new LogUnavailableError(
        `topic ${topic} does not exist and needs ${replication} brokers for its copies; ${alive} alive`,
      );
    }
    const plan = planTopic(this.#wish, replication);
    await this.#admin.create(topic, plan);
    this.#options.logger.info({ topic, ...plan }, 'topic created');
    const { clock } = this.#options;
    for (const latest = clock.monotonic() + CREATED_WITHIN_MS; clock.monotonic() < latest; ) {
      const facts = await this.#facts().catch(() => undefined);
      if (facts !== undefined) return facts;
      await sleep(clock, LOOK_AGAIN_MS, this.#stop.signal);
      this.#refuseClosed();
    }
    throw new LogUnavailableError(`topic ${topic} was created and does not show yet`);
  }

  async #askFacts(): Promise<TopicFacts | undefined> {
    this.#refuseClosed();
    try {
      const facts = await this.#admin.topic(this.#wish.topic);
      this.#contact.set(true);
      return facts;
    } catch (error) {
      this.#contact.set(false);
      throw error;
    }
  }

  #identityOf({ clusterId, topicId, partitions }: TopicFacts): LogIdentity {
    return { clusterId, topicId, topic: this.#wish.topic, partitions };
  }

  #heard(line: KafkaLogLine): void {
    const expected = this.#link?.identity;
    const why = expected === undefined ? undefined : doubtIn(line, expected);
    if (why === undefined) return;
    // Every client says it, with every answer.
    const now = this.#options.clock.monotonic();
    if (why === this.#doubted.why && now - this.#doubted.at < SAME_DOUBT_MS) return;
    this.#doubted = { why, at: now };
    this.#contact.doubt(why);
  }

  #linked(): Link {
    this.#refuseClosed();
    if (this.#link === undefined) throw new LogUnavailableError('the log is not connected');
    return this.#link;
  }

  #refuseClosed(): void {
    if (this.#stop.signal.aborted) throw new LogUnavailableError('the log is closed');
  }
}

/** Whether clients made for one description serve the other. */
function isSame(one: LogDescription, other: LogDescription): boolean {
  const { identity, recordBytesMax } = other;
  return (
    one.identity.clusterId === identity.clusterId &&
    one.identity.topicId === identity.topicId &&
    one.identity.partitions === identity.partitions &&
    one.recordBytesMax === recordBytesMax
  );
}
