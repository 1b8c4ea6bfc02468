/** What a new topic should be, as far as the settings say. */
export interface TopicWish {
  readonly topic: string;
  readonly partitions: number;
  /** undefined: 3, or 1 where there is one broker and one was named. */
  readonly replication: number | undefined;
  /** Largest key + value that must fit. */
  readonly recordBytesMax: number;
  /** Records so young are to supersede nothing yet. */
  readonly compactionLagMs: number;
}

export interface TopicPlan {
  readonly partitions: number;
  readonly replication: number;
  readonly configs: Readonly<Record<string, string>>;
}

export interface TopicFinding {
  readonly topic: string;
  /** Copies of the partition that has the fewest. */
  readonly replication: number;
  /** The topic's settings in effect; undefined where they may not be read. */
  readonly configs: ReadonlyMap<string, string> | undefined;
}

export interface TopicJudgement {
  /** Why the topic may not be used, with the remedy. */
  readonly refusal: string | undefined;
  readonly warnings: readonly string[];
  /** `max.message.bytes`; undefined where it could not be read. */
  readonly messageBytesMax: number | undefined;
  readonly recordBytesMax: number | undefined;
  readonly deleteRetentionMs: number | undefined;
  readonly appendTime: boolean;
  /** undefined where it could not be read. */
  readonly uncleanElection: boolean | undefined;
}

/** The settings that are judged. */
export const TOPIC_CONFIG_NAMES: readonly string[] = [
  'cleanup.policy',
  'compression.type',
  'delete.retention.ms',
  'max.message.bytes',
  'message.timestamp.type',
  'min.insync.replicas',
  'unclean.leader.election.enable',
];

const REPLICATION = 3;
const DAY_MS = 24 * 60 * 60 * 1000;
const DELETE_RETENTION_MS = 7 * DAY_MS;
const DELETE_RETENTION_MS_SAFE = 3 * DAY_MS;
/** Batch and record headers, our own record headers, and frames of bytes that do not compress. */
const MESSAGE_OVERHEAD_BYTES = 1024;
const FRAME_SHARE = 256;

/** The `max.message.bytes` that has room for a key and value of so many bytes. */
export function messageBytesFor(recordBytes: number): number {
  return recordBytes + MESSAGE_OVERHEAD_BYTES + Math.ceil(recordBytes / FRAME_SHARE);
}

/** The largest key and value that fit into such a message. */
export function recordBytesIn(messageBytes: number): number {
  const room = messageBytes - MESSAGE_OVERHEAD_BYTES;
  return Math.max(0, Math.floor((room * FRAME_SHARE) / (FRAME_SHARE + 1)));
}

export function replicationFor(wish: TopicWish, aliveBrokers: number, namedBrokers: number) {
  return wish.replication ?? (aliveBrokers === 1 && namedBrokers === 1 ? 1 : REPLICATION);
}

/** The settings that a missing topic is created with. */
export function planTopic(wish: TopicWish, replication: number): TopicPlan {
  return {
    partitions: wish.partitions,
    replication,
    configs: {
      'cleanup.policy': 'compact',
      'message.timestamp.type': 'LogAppendTime',
      'min.insync.replicas': replication >= REPLICATION ? '2' : '1',
      'unclean.leader.election.enable': 'false',
      'compression.type': 'lz4',
      'delete.retention.ms': String(DELETE_RETENTION_MS),
      'min.compaction.lag.ms': String(wish.compactionLagMs),
      'max.message.bytes': String(messageBytesFor(wish.recordBytesMax)),
    },
  };
}

/** Whether an existing topic may be used, and what is unsafe about it. `features`: the client's. */
export function judgeTopic(
  finding: TopicFinding,
  wish: TopicWish,
  features: readonly string[],
): TopicJudgement {
  const { topic, configs } = finding;
  const warnings: string[] = [];
  if (!features.includes('zstd')) {
    warnings.push(
      'this build of the Kafka client cannot read zstd: a producer that uses it stops the node',
    );
  }
  if (finding.replication < REPLICATION) {
    warnings.push(`topic ${topic}: replication ${finding.replication} is below ${REPLICATION}`);
  }
  if (configs === undefined) {
    warnings.push(
      `topic ${topic}: its settings may not be read (permission to describe its configuration); delete.retention.ms counts as 24 h`,
    );
    return {
      refusal: undefined,
      warnings,
      messageBytesMax: undefined,
      recordBytesMax: undefined,
      deleteRetentionMs: undefined,
      appendTime: false,
      uncleanElection: undefined,
    };
  }
  const appendTime = configs.get('message.timestamp.type') === 'LogAppendTime';
  if (!appendTime) {
    warnings.push(
      `topic ${topic}: message.timestamp.type is CreateTime, producers' clocks are shown`,
    );
  }
  if (configs.get('min.insync.replicas') === '1') {
    warnings.push(`topic ${topic}: min.insync.replicas is 1, one broker's loss may lose writes`);
  }
  const uncleanElection = configs.get('unclean.leader.election.enable') === 'true';
  if (uncleanElection) {
    warnings.push(
      `topic ${topic}: unclean.leader.election.enable is true, acknowledged writes may be lost`,
    );
  }
  const deleteRetentionMs = numberIn(configs, 'delete.retention.ms');
  if (deleteRetentionMs !== undefined && deleteRetentionMs < DELETE_RETENTION_MS_SAFE) {
    warnings.push(
      `topic ${topic}: delete.retention.ms ${deleteRetentionMs} is below 3 days, a node that was away longer rebuilds`,
    );
  }
  const messageBytesMax = numberIn(configs, 'max.message.bytes');
  if (messageBytesMax !== undefined && recordBytesIn(messageBytesMax) < wish.recordBytesMax) {
    warnings.push(
      `topic ${topic}: max.message.bytes ${messageBytesMax} leaves no room for the largest key and value (${messageBytesFor(wish.recordBytesMax)} needed)`,
    );
  }
  return {
    refusal: refusalOf(topic, configs, features),
    warnings,
    messageBytesMax,
    recordBytesMax: messageBytesMax === undefined ? undefined : recordBytesIn(messageBytesMax),
    deleteRetentionMs,
    appendTime,
    uncleanElection,
  };
}

function refusalOf(
  topic: string,
  configs: ReadonlyMap<string, string>,
  features: readonly string[],
): string | undefined {
  const policy = configs.get('cleanup.policy');
  if (policy !== undefined && policy !== 'compact') {
    return `topic ${topic} has cleanup.policy=${policy}, which deletes records that are still wanted. Set it to compact (kafka-configs --alter --add-config cleanup.policy=compact), or name another topic in KAFKA_TOPIC`;
  }
  const compression = configs.get('compression.type');
  const readable = ['producer', 'uncompressed', ...features];
  if (compression !== undefined && !readable.includes(compression)) {
    return `topic ${topic} has compression.type=${compression}, which this build of the Kafka client cannot read. Set it to lz4, or install node-rdkafka again with the headers of ${compression} present`;
  }
  return undefined;
}

function numberIn(configs: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = configs.get(name);
  const value = Number(text);
  return text === undefined || text === '' || !Number.isFinite(value) ? undefined : value;
}
