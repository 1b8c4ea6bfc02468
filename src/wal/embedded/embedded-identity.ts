import { ExitError, messageOf } from '../../errors.ts';
import type { LogIdentity } from '../../log-identity.ts';
import { type Storage, StorageError } from '../../storage/storage.ts';
import { META_KEY } from './embedded-format.ts';

const FORMAT = 1;

/** Who the log in this storage is; made, with `fresh`, when the storage is empty. */
export async function openIdentity(storage: Storage, fresh: LogIdentity): Promise<LogIdentity> {
  const [stored] = await storage.getMany([META_KEY]);
  if (stored !== undefined) return sameTopic(parse(stored), fresh);
  const everything = { gte: Buffer.alloc(0), lt: Buffer.alloc(1, 0xff), limit: 1 };
  for await (const pairs of storage.iterate(everything)) {
    if (pairs.length === 0) continue;
    throw new StorageError('the log has records but no identity', undefined, 'corrupt');
  }
  const value = Buffer.from(JSON.stringify({ format: FORMAT, ...fresh }));
  await storage.write([{ type: 'put', key: META_KEY, value }], { sync: true });
  return fresh;
}

function sameTopic(stored: LogIdentity, asked: LogIdentity): LogIdentity {
  if (stored.topic === asked.topic) return stored;
  throw new ExitError(
    2,
    `the log in the data directory is topic ${stored.topic}, not ${asked.topic}: ` +
      `give KAFKA_TOPIC=${stored.topic}, or another DATA_DIR`,
  );
}

function parse(bytes: Buffer): LogIdentity {
  try {
    const stored: unknown = JSON.parse(bytes.toString());
    if (typeof stored !== 'object' || stored === null) throw new Error('it is no object');
    const fields = new Map<string, unknown>(Object.entries(stored));
    if (fields.get('format') !== FORMAT) {
      throw new Error(`its format is ${JSON.stringify(fields.get('format'))}`);
    }
    const text = (name: string): string => {
      const value = fields.get(name);
      if (typeof value !== 'string') throw new Error(`${name} is missing`);
      return value;
    };
    const partitions = fields.get('partitions');
    if (typeof partitions !== 'number' || !(partitions > 0)) {
      throw new Error('partitions is missing');
    }
    return {
      clusterId: text('clusterId'),
      topicId: text('topicId'),
      topic: text('topic'),
      partitions,
    };
  } catch (error) {
    const why = `the log's identity cannot be read: ${messageOf(error)}`;
    throw new StorageError(why, error, 'corrupt');
  }
}
