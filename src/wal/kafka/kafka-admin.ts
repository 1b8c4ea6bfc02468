import type { Admin, AdminOptions, Connection } from '@platformatic/kafka';
import { withDeadline } from '../../async.ts';
import type { Clock } from '../../clock.ts';
import { LogUnavailableError } from '../../errors.ts';
import {
  API_CODE,
  causesOf,
  hasApiCode,
  isNotAuthorized,
  meaningOf,
} from './kafka-admin-errors.ts';
import { topicIdFromUuid } from './kafka-log-lines.ts';
import { adminOptions, type KafkaConnection } from './kafka-options.ts';
import { TOPIC_CONFIG_NAMES, type TopicPlan } from './kafka-topic.ts';

export interface TopicFacts {
  readonly clusterId: string;
  readonly topicId: string;
  readonly partitions: number;
  /** Copies of the partition that has the fewest. */
  readonly replication: number;
}

const TOPIC_RESOURCE = 2;
const ANSWER_MS_MAX = 6_000;
const CLOSE_MS_MAX = 1_000;

/** A topic's part of a metadata answer, with and without errors of single partitions. */
interface RawMetadata {
  readonly clusterId: string;
  readonly topics: readonly {
    readonly name: string;
    readonly errorCode: number;
    readonly topicId: string;
    readonly partitions: readonly { readonly replicaNodes: readonly number[] }[];
  }[];
}

/**
 * What the native client cannot tell or do: ids, settings, creation. Each call is one bounded
 * attempt and rejects with LogUnavailableError or, where no later one can succeed, with ExitError.
 */
export class KafkaAdmin {
  readonly #make: (options: AdminOptions) => Admin;
  readonly #options: AdminOptions;
  readonly #brokers: string;
  readonly #clock: Clock;
  /** Brokers of the settings, and those that the cluster has named: asked in this order. */
  #known: readonly string[];
  #knowsMore = false;
  #asking = 0;
  #admin: Admin | undefined;
  #seen: unknown[] = [];
  #closed = false;

  private constructor(
    make: (options: AdminOptions) => Admin,
    connection: KafkaConnection,
    clock: Clock,
  ) {
    this.#make = make;
    this.#options = adminOptions(connection);
    this.#brokers = connection.brokers;
    this.#known = connection.brokers.split(',');
    this.#clock = clock;
  }

  static async open(connection: KafkaConnection, clock: Clock): Promise<KafkaAdmin> {
    const { Admin: Client } = await import('@platformatic/kafka');
    return new KafkaAdmin((options) => new Client(options), connection, clock);
  }

  /** How many brokers are alive, as one of them says. */
  aliveBrokers(): Promise<number> {
    return this.#ask(async (admin) => (await this.#metadata(admin, [])).brokers.size);
  }

  /** undefined: there is no such topic. */
  topic(name: string): Promise<TopicFacts | undefined> {
    return this.#ask(async (admin) => {
      try {
        const { id: clusterId, topics } = await this.#metadata(admin, [name]);
        const topic = topics.get(name);
        if (topic === undefined) return undefined;
        const copies = topic.partitions.map(({ replicas }) => replicas.length);
        return factsOf(clusterId, topic.id, copies);
      } catch (error) {
        if (isUnknownTopic(error)) return undefined;
        // A partition without a leader makes an error of an answer that is good all the same.
        const facts = factsInError(error, name);
        if (facts === undefined) throw error;
        return facts;
      }
    });
  }

  /** The topic's settings in effect; undefined where they may not be read. */
  configs(name: string): Promise<ReadonlyMap<string, string> | undefined> {
    return this.#ask(async (admin) => {
      try {
        const [found] = await admin.describeConfigs({
          resources: [
            {
              resourceType: TOPIC_RESOURCE,
              resourceName: name,
              configurationKeys: [...TOPIC_CONFIG_NAMES],
            },
          ],
        });
        return new Map(found?.configs.map(({ name: key, value }) => [key, value ?? '']));
      } catch (error) {
        if (isNotAuthorized(error)) return undefined;
        throw error;
      }
    });
  }

  /** Creates the topic; fine when somebody else just did. */
  create(name: string, plan: TopicPlan): Promise<void> {
    return this.#ask(async (admin) => {
      try {
        await admin.createTopics({
          topics: [name],
          partitions: plan.partitions,
          replicas: plan.replication,
          configs: Object.entries(plan.configs).map(([key, value]) => ({ name: key, value })),
        });
      } catch (error) {
        if (hasApiCode(error, API_CODE.topicExists)) return;
        if (hasApiCode(error, API_CODE.invalidReplication)) {
          throw new LogUnavailableError(
            `topic ${name} needs ${plan.replication} brokers, and Kafka has fewer alive`,
            error,
          );
        }
        throw error;
      }
    });
  }

  /** Sets a group's offsets without being a member. false: the group may not be used. */
  commitOffsets(groupId: string, topic: string, offsets: readonly number[]): Promise<boolean> {
    const partitionOffsets = offsets.map((offset, partition) => ({
      partition,
      offset: BigInt(offset),
    }));
    return this.#ask(async (admin) => {
      try {
        await admin.alterConsumerGroupOffsets({
          groupId,
          topics: [{ name: topic, partitionOffsets }],
        });
        return true;
      } catch (error) {
        if (isNotAuthorized(error)) return false;
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#discard();
  }

  async #metadata(admin: Admin, topics: string[]) {
    // The client keeps the first cluster id that it heard for as long as it has any metadata.
    admin.clearMetadata();
    const metadata = await admin.metadata({ topics, forceUpdate: true });
    const named = [...metadata.brokers.values()].map(({ host, port }) =>
      host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    );
    if (named.some((each) => !this.#known.includes(each))) {
      this.#known = [...new Set([...this.#brokers.split(','), ...named])];
      this.#knowsMore = true;
    }
    return metadata;
  }

  async #ask<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    if (this.#closed) throw new LogUnavailableError('the log is closed');
    if (this.#knowsMore && this.#asking === 0) void this.#discard();
    this.#admin ??= this.#open();
    const admin = this.#admin;
    this.#asking += 1;
    try {
      return await withDeadline(this.#clock, question(admin), ANSWER_MS_MAX, () => {
        throw new LogUnavailableError(`Kafka at ${this.#brokers} does not answer in time`);
      });
    } catch (error) {
      // After a time-out a connection may hand an old answer to a new question.
      if (this.#admin === admin) void this.#discard();
      throw meaningOf(error, this.#brokers, this.#seen);
    } finally {
      this.#asking -= 1;
    }
  }

  #open(): Admin {
    this.#seen = [];
    this.#knowsMore = false;
    const admin = this.#make({ ...this.#options, bootstrapBrokers: [...this.#known] });
    const seen = this.#seen;
    // Without a listener a connection's second error would end the process.
    admin.connections.on('connecting', ({ connection }: { connection: Connection }) => {
      connection.on('error', (error: Error) => {
        seen.push(error);
      });
    });
    return admin;
  }

  async #discard(): Promise<void> {
    const admin = this.#admin;
    this.#admin = undefined;
    if (admin === undefined) return;
    await withDeadline(this.#clock, admin.close(), CLOSE_MS_MAX, () => {}).catch(() => {});
  }
}

function factsOf(clusterId: string, uuid: string, copies: readonly number[]): TopicFacts {
  return {
    clusterId,
    topicId: topicIdFromUuid(uuid),
    partitions: copies.length,
    replication: Math.min(...copies),
  };
}

function isUnknownTopic(error: unknown): boolean {
  return causesOf(error).some(({ message }) => message.startsWith('Unknown topic '));
}

function factsInError(error: unknown, name: string): TopicFacts | undefined {
  for (const { response } of causesOf(error)) {
    const { clusterId, topics } = (response ?? {}) as Partial<RawMetadata>;
    const topic = topics?.find((each) => each.name === name);
    if (topic === undefined || topic.errorCode !== 0 || clusterId === undefined) continue;
    const copies = topic.partitions.map(({ replicaNodes }) => replicaNodes.length);
    return factsOf(clusterId, topic.topicId, copies);
  }
  return undefined;
}
