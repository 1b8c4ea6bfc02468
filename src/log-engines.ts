import { randomUUID } from 'node:crypto';
import type { Clock } from './clock.ts';
import type { CloseStack } from './close-stack.ts';
import { ExitError } from './errors.ts';
import type { Logger } from './logger.ts';
import type { Settings } from './settings/settings.ts';
import type { DataDirectory } from './storage/data-directory.ts';
import type { DiskFaults } from './storage/disk-faults.ts';
import { MemoryStorage } from './storage/memory-storage.ts';
import { MendingStorage } from './storage/mending-storage.ts';
import type { DamagedLog } from './storage/rocks/rocks-logs.ts';
import { RocksStorage } from './storage/rocks/rocks-storage.ts';
import { requireRoom } from './storage/room.ts';
import { type Storage, StorageError } from './storage/storage.ts';
import { EmbeddedWal, type EmbeddedWalOptions } from './wal/embedded/embedded-wal.ts';
import { KafkaWal } from './wal/kafka/kafka-wal.ts';
import type { Wal } from './wal/wal.ts';

/** What a stop leaves to the log's client for acknowledgements under way: their callers have been answered. */
const FLUSH_MS = 250;
/** What is fresh has met all records but those of the last moment: no cleaner may act on these. */
const COMPACTION_LAG_MS_MIN = 1_000;

export interface EngineOptions {
  readonly settings: Settings;
  /** undefined: nothing is kept on disk. */
  readonly directory: DataDirectory | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly closers: CloseStack;
  readonly disk: DiskFaults;
  /** What is stored was found to be damaged: the node cannot live on with it. */
  readonly onCorrupt: (error: unknown) => void;
}

/** The storage of the table. Rejects with StorageError `corrupt` where the log has to tell it anew. */
export async function openTableStorage(options: EngineOptions): Promise<Storage> {
  const { directory, closers, onCorrupt } = options;
  const storage =
    directory === undefined
      ? new MemoryStorage()
      : await openRocks(options, {
          path: directory.tablePath,
          // Not synced: what a loss of power has left is a beginning, and the log has the rest.
          damagedLog: 'cut',
          part: 'storage',
          what: 'nothing is applied',
          onCorrupt,
        });
  closers.push('table', () => storage.close());
  return storage;
}

/** The log: Kafka, or the embedded one on a storage of its own. */
export async function openWal(options: EngineOptions, groupId: () => string): Promise<Wal> {
  const { settings, clock, logger, closers } = options;
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
      compactionLagMs: Math.max(COMPACTION_LAG_MS_MIN, settings.STALE_AFTER_MS),
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
    wal = await openEmbedded(options, { ...log, ...limits });
  }
  closers.push('log', () => wal.close(FLUSH_MS));
  return wal;
}

async function openEmbedded(
  options: EngineOptions,
  log: Pick<EmbeddedWalOptions, 'topic' | 'partitions' | 'keyBytesMax' | 'valueBytesMax'>,
): Promise<Wal> {
  const { directory, closers, clock, logger, onCorrupt } = options;
  const path = directory?.logPath;
  try {
    const storage =
      path === undefined
        ? new MemoryStorage()
        : await openRocks(options, {
            path,
            // Each batch was synced before the next was written: only the last one can be torn.
            damagedLog: 'refuse',
            part: 'log storage',
            what: 'no write is taken',
            onCorrupt: (error) => onCorrupt(damagedLog(path, error)),
          });
    closers.push('log storage', () => storage.close());
    return await EmbeddedWal.open({
      ...log,
      storage,
      clock,
      random: randomUUID,
      logger: logger.child({ component: 'log' }),
      durable: path !== undefined,
    });
  } catch (error) {
    const isDamaged = error instanceof StorageError && error.kind === 'corrupt';
    throw isDamaged && path !== undefined ? damagedLog(path, error) : error;
  }
}

interface RocksPart {
  readonly path: string;
  readonly damagedLog: DamagedLog;
  /** Its name among the warnings. */
  readonly part: string;
  /** What the node does not do while it cannot be written. */
  readonly what: string;
  readonly onCorrupt: (error: StorageError) => void;
}

function openRocks(
  { clock, logger, disk }: EngineOptions,
  { path, damagedLog, part, what, onCorrupt }: RocksPart,
): Promise<Storage> {
  const own = logger.child({ component: part });
  return MendingStorage.open({
    open: async () => {
      const storage = await RocksStorage.open(path, { damagedLog });
      const { cutOff } = storage;
      if (cutOff !== undefined) own.warn({ cutOff }, 'the end of the write-ahead log was torn');
      return storage;
    },
    room: () => requireRoom(path),
    onFault: (fault) => disk.set(part, fault && `${part} failed, ${what}: ${fault.message}`),
    onCorrupt,
    clock,
    logger: own,
  });
}

/** The embedded log is the only truth: an empty one in its place would be a loss that nobody sees. */
function damagedLog(path: string, error: StorageError): ExitError {
  return new ExitError(
    1,
    `the log in ${path} is damaged: ${error.message}. It holds the only copy of the data: put a copy ` +
      'of the whole data directory in its place; or, to start empty, give another DATA_DIR',
    error,
  );
}
