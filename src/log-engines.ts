import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import type { Clock } from './clock.ts';
import type { CloseStack } from './close-stack.ts';
import type { Logger } from './logger.ts';
import type { Settings } from './settings/settings.ts';
import type { DataDirectory } from './storage/data-directory.ts';
import { MemoryStorage } from './storage/memory-storage.ts';
import { RocksStorage } from './storage/rocks-storage.ts';
import type { Storage } from './storage/storage.ts';
import { EmbeddedWal } from './wal/embedded/embedded-wal.ts';
import { KafkaWal } from './wal/kafka/kafka-wal.ts';
import type { Wal } from './wal/wal.ts';

/** What a stop leaves to the log's client for acknowledgements under way: their callers have been answered. */
const FLUSH_MS = 250;

export interface EngineOptions {
  readonly settings: Settings;
  /** undefined: nothing is kept on disk. */
  readonly directory: DataDirectory | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly closers: CloseStack;
}

/** The storage of the table. */
export async function openTableStorage(options: EngineOptions): Promise<Storage> {
  const { directory, closers } = options;
  const storage =
    directory === undefined ? new MemoryStorage() : await openRocks(directory.tablePath);
  closers.push('table', () => storage.close());
  return storage;
}

/** The log: Kafka, or the embedded one on a storage of its own. */
export async function openWal(options: EngineOptions, groupId: () => string): Promise<Wal> {
  const { settings, directory, clock, logger, closers } = options;
  const limits = {
    keyBytesMax: settings.KEY_BYTES_MAX,
    valueBytesMax: settings.VALUE_BYTES_MAX,
  };
  const log = { topic: settings.KAFKA_TOPIC, partitions: settings.KAFKA_PARTITIONS };
  let wal: Wal;
  if (settings.STORAGE === 'distributed') {
    wal = await KafkaWal.open({
      ...log,
      ...limits,
      brokers: settings.BROKER_LIST,
      replication: settings.KAFKA_REPLICATION,
      groupId,
      clientId: 'bitacora',
      writeTimeoutMs: settings.WRITE_TIMEOUT_MS,
      security: {
        protocol: settings.KAFKA_SECURITY_PROTOCOL,
        sslCa: settings.KAFKA_SSL_CA,
        sslCert: settings.KAFKA_SSL_CERT,
        sslKey: settings.KAFKA_SSL_KEY,
        sslKeyPassword: settings.KAFKA_SSL_KEY_PASSWORD,
        saslMechanism: settings.KAFKA_SASL_MECHANISM,
        saslUsername: settings.KAFKA_SASL_USERNAME,
        saslPassword: settings.KAFKA_SASL_PASSWORD,
      },
      clock,
      logger: logger.child({ component: 'kafka' }),
    });
  } else {
    const storage =
      directory === undefined ? new MemoryStorage() : await openRocks(directory.logPath);
    closers.push('log storage', () => storage.close());
    wal = await EmbeddedWal.open({
      ...log,
      ...limits,
      storage,
      clock,
      random: randomUUID,
      logger: logger.child({ component: 'log' }),
      durable: directory !== undefined,
    });
  }
  closers.push('log', () => wal.close(FLUSH_MS));
  return wal;
}

async function openRocks(path: string): Promise<Storage> {
  await mkdir(path, { recursive: true });
  return RocksStorage.open(path);
}
