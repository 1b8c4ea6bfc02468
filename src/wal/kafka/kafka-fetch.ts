import type { KafkaConsumer, LibrdKafkaError, Message } from 'node-rdkafka';
import { LogUnavailableError } from '../../errors.ts';
import type { LogRecord } from '../../record.ts';
import type { PartitionBounds } from '../wal.ts';
import {
  type ClientContext,
  connectClient,
  disconnectClient,
  type KafkaModule,
} from './kafka-client.ts';
import type { ConsumerConfig } from './kafka-options.ts';
import { recordOf } from './kafka-record.ts';

interface Place {
  readonly partition: number;
  readonly offset: number;
}

export interface KafkaFetchOptions {
  readonly kafka: KafkaModule;
  readonly config: ConsumerConfig;
  readonly topic: string;
  readonly context: ClientContext;
  readonly bounds: () => Promise<readonly PartitionBounds[]>;
}

const CONNECT_MS_MAX = 5_000;
const ROUND_MS_MAX = 5_000;
const POLL_MS = 100;
const POLL_RECORDS_MAX = 50;

/** The records at exactly these places, with a client of their own. Rejects with LogUnavailableError. */
export async function fetchPlaces(
  options: KafkaFetchOptions,
  places: readonly Place[],
): Promise<readonly (LogRecord | undefined)[]> {
  if (places.length === 0) return [];
  const { kafka, config, topic, context } = options;
  // A question beyond the bounds would be answered with an error that names no partition.
  const bounds = await options.bounds();
  const found = new Map<string, LogRecord>();
  const rounds = roundsOf(places.filter((place) => isWithin(place, bounds)));
  if (rounds.length > 0) {
    const consumer = new kafka.KafkaConsumer(config.global, config.topic);
    await connectClient(consumer, { topic, timeoutMs: CONNECT_MS_MAX, context });
    try {
      for (const round of rounds) await fetchRound(consumer, round, options, found);
    } finally {
      await disconnectClient(consumer, context.clock);
    }
  }
  return places.map((place) => found.get(nameOf(place)));
}

/** One place of each partition at a time. */
function roundsOf(places: readonly Place[]): Place[][] {
  const rounds: Map<number, Place>[] = [];
  for (const place of new Map(places.map((each) => [nameOf(each), each])).values()) {
    let round = rounds.find((each) => !each.has(place.partition));
    if (round === undefined) {
      round = new Map();
      rounds.push(round);
    }
    round.set(place.partition, place);
  }
  return rounds.map((round) => [...round.values()]);
}

async function fetchRound(
  consumer: KafkaConsumer,
  round: readonly Place[],
  { topic, context }: KafkaFetchOptions,
  found: Map<string, LogRecord>,
): Promise<void> {
  const missing = new Map(round.map(({ partition, offset }) => [partition, offset]));
  // Ends are told before the records that were taken with them.
  const ended = new Set<number>();
  const onEnd = ({ partition }: Place) => {
    ended.add(partition);
  };
  consumer.on('partition.eof', onEnd);
  consumer.assign(round.map(({ partition, offset }) => ({ topic, partition, offset })));
  const latest = context.clock.monotonic() + ROUND_MS_MAX;
  try {
    while (missing.size > 0) {
      if (context.clock.monotonic() > latest) {
        throw new LogUnavailableError('Kafka does not give single records in time');
      }
      for (const message of await poll(consumer)) {
        const wanted = missing.get(message.partition);
        if (wanted === undefined || message.offset < wanted) continue;
        if (message.offset === wanted) found.set(nameOf(message), recordOf(message));
        missing.delete(message.partition);
      }
      for (const partition of ended) missing.delete(partition);
    }
  } finally {
    consumer.removeListener('partition.eof', onEnd);
  }
}

function poll(consumer: KafkaConsumer): Promise<Message[]> {
  return new Promise((resolve, reject) => {
    consumer.setDefaultConsumeTimeout(POLL_MS);
    consumer.consume(POLL_RECORDS_MAX, (error: LibrdKafkaError | null, messages) => {
      if (error) {
        reject(new LogUnavailableError(`Kafka does not give a record: ${error.message}`, error));
      } else {
        resolve(messages);
      }
    });
  });
}

function isWithin({ partition, offset }: Place, bounds: readonly PartitionBounds[]): boolean {
  const bound = bounds[partition];
  return bound !== undefined && offset >= bound.start && offset < bound.readable;
}

function nameOf({ partition, offset }: Place): string {
  return `${partition}:${offset}`;
}
