import { LOG_LEVELS } from '../logger.ts';
import {
  anyText,
  host,
  hostPort,
  hostPorts,
  hosts,
  integer,
  listOf,
  matching,
  oneOf,
  origin,
  size,
  zookeeperHosts,
} from './parse.ts';

export interface SettingSpec<T> {
  /** What the default is, in words for people. The value itself is set in settings.ts. */
  readonly fallback: string;
  readonly meaning: string;
  readonly parse: (text: string) => T;
  /** Never shown, not even in a complaint about it. */
  readonly secret?: true;
}

const GIB = 2 ** 30;
const MIB = 2 ** 20;
const pem = 'PEM text, or the path of a PEM file';

function spec<T>(
  fallback: string,
  meaning: string,
  parse: (text: string) => T,
  secret?: true,
): SettingSpec<T> {
  return { fallback, meaning, parse, ...(secret && { secret }) };
}

/**
 * Every setting, once: environment, flags, `--help` and the README's table come from here.
 * Sizes are bytes or KiB / MiB / GiB, times are ms.
 */
export const SETTINGS = {
  STORAGE: spec(
    '`distributed` when `BROKER_LIST` or `ZOOKEEPER_HOSTS` is set, else `standalone`',
    '`standalone`: an embedded log on disk · `distributed`: Kafka and ZooKeeper · `memory`: an embedded log, nothing on disk',
    oneOf('standalone', 'distributed', 'memory'),
  ),
  BROKER_LIST: spec('127.0.0.1:9092', 'Kafka bootstrap servers', hostPorts),
  ZOOKEEPER_HOSTS: spec(
    '127.0.0.1:2181',
    'connect string, may end in a chroot; `none`: no ZooKeeper, then `PEERS`',
    zookeeperHosts,
  ),
  ZOOKEEPER_SESSION_MS: spec(
    '6000',
    'session time asked for',
    integer(1_000, 600_000, 'milliseconds'),
  ),
  PEERS: spec(
    'empty',
    'static peers host:port (HTTP), used with `ZOOKEEPER_HOSTS=none`',
    listOf(hostPort),
  ),
  KAFKA_TOPIC: spec(
    'bitacora',
    'the log',
    matching(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/, 'a topic name: 1 to 249 of A-Z a-z 0-9 . _ -'),
  ),
  KAFKA_PARTITIONS: spec(
    '12 (1 with `CODEC=avro`, where nothing else is allowed)',
    'only when the node creates the topic',
    integer(1, 10_000, 'a number'),
  ),
  KAFKA_REPLICATION: spec(
    '3, or 1 when the cluster has one broker and `BROKER_LIST` names one',
    'only when the node creates the topic; with fewer brokers alive the node waits',
    integer(1, 100, 'a number'),
  ),
  API_PORT: spec('8082', 'HTTP; 0: any free port', integer(0, 65_535, 'a port')),
  AVRO_PORT: spec(
    'API_PORT + 1 (0 when API_PORT is 0)',
    'Avro RPC; 0: any free port',
    integer(0, 65_535, 'a port'),
  ),
  BIND_ADDRESS: spec(
    '127.0.0.1 standalone and memory, 0.0.0.0 distributed',
    'address that both doors listen on',
    host,
  ),
  NODE_ADDRESS: spec(
    '127.0.0.1 standalone and memory; else the host name if it resolves to a non-loopback address of this host, else the first external IPv4',
    'what peers and clients use',
    host,
  ),
  NODE_ID: spec(
    'the id stored in `DATA_DIR`, else NODE_ADDRESS:API_PORT',
    'names the consumer group `bitacora.<topic>.<node id>`',
    matching(/^[\x21-\x7e]{1,200}$/, '1 to 200 printable ASCII characters without blanks'),
  ),
  DATA_DIR: spec('./data', 'folder of the local state', anyText),
  CODEC: spec(
    'raw',
    '`raw`: bytes as they are · `avro`: the original’s records',
    oneOf('raw', 'avro'),
  ),
  CACHE_BYTES_MAX: spec(
    '1GiB',
    'memory for entries; the rest is read from storage',
    size(0, 1_024 * GIB),
  ),
  KEY_BYTES_MAX: spec('8KiB', 'longest key, as UTF-8', size(1, 64 * 1_024)),
  VALUE_BYTES_MAX: spec('1MiB', 'longest value, up to 15MiB', size(1, 15 * MIB)),
  STALE_AFTER_MS: spec(
    '100',
    'how old the knowledge of the log’s end may be for a `final` answer',
    integer(1, 60_000, 'milliseconds'),
  ),
  PEER_TIMEOUT_MS: spec(
    '60',
    'deadline of asking peers, all together',
    integer(1, 60_000, 'milliseconds'),
  ),
  PEER_ALLOW: spec(
    'empty',
    'peers that may be asked: addresses, networks (10.0.0.0/8), host names, `.example.org`; empty: every one in the list',
    listOf(hosts),
  ),
  WRITE_TIMEOUT_MS: spec(
    '30000',
    'deadline of a write; a killed broker needs more than 15 s to come back',
    integer(1_000, 600_000, 'milliseconds'),
  ),
  ALLOW_ORIGINS: spec('empty', 'browser origins that may call', listOf(origin)),
  KAFKA_SECURITY_PROTOCOL: spec(
    'plaintext',
    'plaintext, ssl, sasl_plaintext or sasl_ssl',
    oneOf('plaintext', 'ssl', 'sasl_plaintext', 'sasl_ssl'),
  ),
  KAFKA_SSL_CA: spec(
    'the system’s',
    `authorities that sign the brokers’ certificates: ${pem}`,
    anyText,
  ),
  KAFKA_SSL_CERT: spec('none', `client certificate: ${pem}`, anyText),
  KAFKA_SSL_KEY: spec('none', `client key: ${pem}`, anyText, true),
  KAFKA_SSL_KEY_PASSWORD: spec('none', 'password of the client key', anyText, true),
  KAFKA_SASL_MECHANISM: spec(
    'PLAIN',
    'PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512',
    oneOf('PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'),
  ),
  KAFKA_SASL_USERNAME: spec('none', 'user', anyText),
  KAFKA_SASL_PASSWORD: spec('none', 'password', anyText, true),
  LOG_LEVEL: spec('info', LOG_LEVELS.join(', '), oneOf(...LOG_LEVELS)),
} as const satisfies Record<string, SettingSpec<unknown>>;

export type SettingName = keyof typeof SETTINGS;
export const SETTING_NAMES: readonly SettingName[] = Object.keys(SETTINGS) as SettingName[];

/** `API_PORT` → `api-port`. */
export function flagOf(name: SettingName): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/** The one flag without a variable. */
export const ACCEPT_NEW_LOG_FLAG = 'accept-new-log';
export const ACCEPT_NEW_LOG_MEANING =
  'set aside local state that belongs to another log and rebuild';
