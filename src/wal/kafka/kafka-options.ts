import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { AdminOptions } from '@platformatic/kafka';
import type {
  ConsumerGlobalConfig,
  ConsumerTopicConfig,
  ProducerGlobalConfig,
  ProducerTopicConfig,
} from 'node-rdkafka';
import { ExitError, messageOf } from '../../errors.ts';

/** Texts are PEM or the path of a PEM file. */
export interface KafkaSecurity {
  readonly protocol: 'plaintext' | 'ssl' | 'sasl_plaintext' | 'sasl_ssl';
  readonly sslCa?: string | undefined;
  readonly sslCert?: string | undefined;
  readonly sslKey?: string | undefined;
  readonly sslKeyPassword?: string | undefined;
  readonly saslMechanism?: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | undefined;
  readonly saslUsername?: string | undefined;
  readonly saslPassword?: string | undefined;
}

export interface KafkaConnection {
  /** `host:port[,host:port…]` */
  readonly brokers: string;
  readonly clientId: string;
  readonly security: KafkaSecurity;
}

/** What a client of node-rdkafka is made of: topic settings count only in the second place. */
export interface ClientConfig<Global, Topic> {
  readonly global: Global;
  readonly topic: Topic;
}
export type ConsumerConfig = ClientConfig<ConsumerGlobalConfig, ConsumerTopicConfig>;
export type ProducerConfig = ClientConfig<ProducerGlobalConfig, ProducerTopicConfig>;

const ADMIN_CONNECT_MS = 2_000;
const ADMIN_REQUEST_MS = 4_000;
/** What the application thinks of before the write's own deadline, which the client must not outlive. */
const WRITE_SLACK_MS = 2_000;
const DELIVERY_MS_MIN = 500;
/** A broker that says nothing for so long is given up and dialled again. */
const SILENT_MS_MAX = 15_000;
const BATCH_BYTES_MAX = 1_000_000;
/** Where systems keep the authorities that they trust; Node alone would use its own list. */
const SYSTEM_AUTHORITIES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** The reader. `debug: metadata` makes the client tell cluster and topic ids in its log. */
export function readerConfig(connection: KafkaConnection, groupId: string): ConsumerConfig {
  return {
    global: {
      ...common(connection),
      'group.id': groupId,
      'enable.auto.commit': false,
      debug: 'metadata',
      'enable.partition.eof': true,
      'fetch.queue.backoff.ms': 5,
      'queued.min.messages': 20_000,
      'queued.max.messages.kbytes': 65_536,
      'fetch.wait.max.ms': 100,
      'socket.timeout.ms': SILENT_MS_MAX,
      'check.crcs': true,
      'allow.auto.create.topics': false,
    },
    topic: { 'auto.offset.reset': 'error' },
  };
}

/** A reader of few records at exact places: it fetches little ahead. */
export function fetcherConfig(connection: KafkaConnection): ConsumerConfig {
  const { global, topic } = readerConfig(connection, `${connection.clientId}-fetch`);
  return {
    global: {
      ...global,
      'fetch.message.max.bytes': 65_536,
      'queued.min.messages': 1,
      'queued.max.messages.kbytes': 16_384,
    },
    topic,
  };
}

/**
 * The client that is asked for offsets: it never reads, as questions would wait behind its fetches.
 * Its isolation says which end it is told: the high watermark, or the last stable offset.
 */
export function probeConfig(
  connection: KafkaConnection,
  isolation: 'read_committed' | 'read_uncommitted',
): ConsumerConfig {
  return {
    global: {
      ...common(connection),
      'group.id': `${connection.clientId}-probe`,
      'isolation.level': isolation,
      'enable.auto.commit': false,
      debug: 'metadata',
      'socket.timeout.ms': SILENT_MS_MAX,
      'allow.auto.create.topics': false,
    },
    topic: {},
  };
}

/** `messageBytesMax`: the topic's limit. A batch above it would fail with all its records. */
export function producerConfig(
  connection: KafkaConnection,
  limits: { readonly writeTimeoutMs: number; readonly messageBytesMax: number },
): ProducerConfig {
  const deliveryMs = Math.max(limits.writeTimeoutMs - WRITE_SLACK_MS, DELIVERY_MS_MIN);
  return {
    global: {
      ...common(connection),
      dr_cb: true,
      'enable.idempotence': true,
      'linger.ms': 1,
      'batch.size': Math.min(BATCH_BYTES_MAX, limits.messageBytesMax),
      'message.max.bytes': Math.max(limits.messageBytesMax, 1_000),
      'queue.buffering.max.messages': 200_000,
      'queue.buffering.max.kbytes': 262_144,
      'compression.codec': 'lz4',
      'allow.auto.create.topics': false,
    },
    topic: { 'delivery.timeout.ms': deliveryMs, 'request.required.acks': -1 },
  };
}

function common({ brokers, clientId, security }: KafkaConnection) {
  return {
    'metadata.broker.list': brokers,
    'client.id': clientId,
    'topic.metadata.refresh.interval.ms': 30_000,
    'socket.keepalive.enable': true,
    'reconnect.backoff.max.ms': 2_000,
    'enable.metrics.push': false,
    ...nativeSecurity(security),
  };
}

function nativeSecurity(security: KafkaSecurity): Record<string, string> {
  const config: Record<string, string> = { 'security.protocol': security.protocol };
  if (usesTls(security)) {
    const pems = { ca: security.sslCa, certificate: security.sslCert, key: security.sslKey };
    for (const [name, text] of Object.entries(pems)) {
      if (text !== undefined) config[`ssl.${name}.${isPem(text) ? 'pem' : 'location'}`] = text;
    }
    if (security.sslKeyPassword !== undefined) config['ssl.key.password'] = security.sslKeyPassword;
  }
  const sasl = saslOf(security);
  if (sasl !== undefined) {
    config['sasl.mechanisms'] = sasl.mechanism;
    config['sasl.username'] = sasl.username;
    config['sasl.password'] = sasl.password;
  }
  return config;
}

/** The same connection for the admin client. @throws ExitError 2 for files that cannot be read. */
export function adminOptions(connection: KafkaConnection): AdminOptions {
  const { brokers, clientId, security } = connection;
  const sasl = saslOf(security);
  const addresses = brokers.split(',');
  return {
    clientId,
    bootstrapBrokers: addresses,
    retries: false,
    connectTimeout: ADMIN_CONNECT_MS,
    requestTimeout: ADMIN_REQUEST_MS,
    timeout: ADMIN_REQUEST_MS,
    autocreateTopics: false,
    ...(sasl && { sasl }),
    ...(usesTls(security) && {
      tls: adminTls(security),
      // An address is no server name (RFC 6066).
      tlsServerName: addresses.every((each) => isIP(hostOf(each)) === 0),
    }),
  };
}

function adminTls(security: KafkaSecurity) {
  const { sslCa, sslCert, sslKey, sslKeyPassword } = security;
  const ca = sslCa ?? SYSTEM_AUTHORITIES.find((path) => existsSync(path));
  return {
    ...(ca !== undefined && { ca: pemOf('KAFKA_SSL_CA', ca) }),
    ...(sslCert !== undefined && { cert: pemOf('KAFKA_SSL_CERT', sslCert) }),
    ...(sslKey !== undefined && { key: pemOf('KAFKA_SSL_KEY', sslKey) }),
    ...(sslKeyPassword !== undefined && { passphrase: sslKeyPassword }),
  };
}

function saslOf({ protocol, saslMechanism, saslUsername, saslPassword }: KafkaSecurity) {
  if (!protocol.startsWith('sasl_')) return undefined;
  if (saslUsername === undefined || saslPassword === undefined) {
    throw new ExitError(
      2,
      `KAFKA_SECURITY_PROTOCOL=${protocol} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD`,
    );
  }
  return {
    mechanism: saslMechanism ?? 'PLAIN',
    username: saslUsername,
    password: saslPassword,
  } as const;
}

function usesTls({ protocol }: KafkaSecurity): boolean {
  return protocol === 'ssl' || protocol === 'sasl_ssl';
}

function isPem(text: string): boolean {
  return text.includes('-----BEGIN ');
}

function pemOf(setting: string, text: string): string {
  if (isPem(text)) return text;
  try {
    return readFileSync(text, 'utf8');
  } catch (error) {
    throw new ExitError(2, `${setting}: the file cannot be read: ${messageOf(error)}`, error);
  }
}

function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}
