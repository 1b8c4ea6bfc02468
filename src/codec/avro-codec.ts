import { isUtf8 } from 'node:buffer';
import type { Clock } from '../clock.ts';
import { ServiceError } from '../errors.ts';
import type { LogRecord } from '../record.ts';
import { AvroFormatError, AvroReader, encodeCount, encodeString } from './avro-binary.ts';
import type { Codec, Decoded, EncodedRecord } from './codec.ts';
import { ownHeaders, quoted } from './own-headers.ts';
import { decodeUtf8 } from './utf8.ts';

export interface AvroCodecOptions {
  /** Whether the log stamps records with its append time; else the record's own field counts. */
  readonly appendTime: boolean;
  readonly clock: Pick<Clock, 'now'>;
  /** 0 ≤ n < 1; drawn once, tells this writer's uuids from others'. */
  readonly random: () => number;
}

/** What the original writes into `source`: a producer made the record. */
const SOURCE_PRODUCER = 3;
const FOR_EVER = encodeCount(0);
/** −1: what the original takes for expired, and we for deleted. */
const EXPIRED = Buffer.from([1]);

/** Parts of a uuid: ms since 2014 << 23 | writer << 10 | sequence. */
const UUID_EPOCH_MS = Date.UTC(2014, 0, 1);
const UUID_TIME_SHIFT = 23n;
const UUID_WRITER_SHIFT = 10n;
const UUID_WRITERS = 8_192;
const UUID_SEQUENCES = 1_024;

/** The original's records: bare Avro of key, value, timestamp, source, ttl, uuid. */
export function createAvroCodec({ appendTime, clock, random }: AvroCodecOptions): Codec {
  const writer = BigInt(Math.floor(random() * UUID_WRITERS));
  let sequence = 0;

  const uuid = (now: number): string => {
    sequence = (sequence + 1) % UUID_SEQUENCES;
    const time = BigInt(Math.max(0, now - UUID_EPOCH_MS)) << UUID_TIME_SHIFT;
    return String(time | (writer << UUID_WRITER_SHIFT) | BigInt(sequence));
  };

  const encode = (key: string, value: string, ttl: Buffer): EncodedRecord => {
    const now = Math.max(0, Math.floor(clock.now()));
    const fields = [
      encodeString(key),
      encodeString(value),
      encodeCount(now),
      encodeCount(SOURCE_PRODUCER),
      ttl,
      encodeString(uuid(now)),
    ];
    return { value: Buffer.concat(fields), headers: [] };
  };

  return {
    name: 'avro',
    checksPlacement: false,
    decode: (record) => decode(record, appendTime),
    encodePut: (key, value) => {
      const text = decodeUtf8(value);
      if (text === undefined) {
        throw new ServiceError(
          'bad_value',
          'The value is not UTF-8: CODEC=avro carries texts alone',
        );
      }
      return encode(key, text, FOR_EVER);
    },
    encodeDelete: (key) => encode(key, '', EXPIRED),
  };
}

function decode(record: LogRecord, appendTime: boolean): Decoded {
  const { value, headers, timestamp: stamp } = record;
  // First, whatever the headers say: compaction removes such a record, so it may leave no other trace.
  if (value === null) return { kind: 'marker', timestamp: stamp };
  const [header] = ownHeaders(headers);
  if (header !== undefined) {
    return unreadable(`an unknown header ${quoted(header.name)}`, stamp);
  }
  try {
    const fields = readFields(value);
    const timestamp = appendTime && stamp >= 0 ? stamp : fields.timestamp;
    if (fields.ttl < 0) return { kind: 'marker', timestamp };
    return { kind: 'live', value: fields.value, timestamp };
  } catch (error) {
    if (error instanceof AvroFormatError) return unreadable(`not Avro: ${error.message}`, stamp);
    throw error;
  }
}

interface Fields {
  /** A view of the record's bytes. */
  readonly value: Buffer;
  readonly timestamp: number;
  readonly ttl: number;
}

/** @throws AvroFormatError */
function readFields(bytes: Buffer): Fields {
  const reader = new AvroReader(bytes);
  readText(reader, 'key');
  const value = readText(reader, 'value');
  const timestamp = reader.long();
  const source = reader.long();
  if (source !== (source | 0)) throw new AvroFormatError('the source is no int');
  const ttl = reader.long();
  readText(reader, 'uuid');
  if (reader.left > 0) throw new AvroFormatError(`${reader.left} bytes too many`);
  return { value, timestamp, ttl };
}

function readText(reader: AvroReader, field: string): Buffer {
  const bytes = reader.bytes();
  if (!isUtf8(bytes)) throw new AvroFormatError(`the ${field} is not UTF-8`);
  return bytes;
}

function unreadable(reason: string, timestamp: number): Decoded {
  return { kind: 'unreadable', reason, timestamp };
}
