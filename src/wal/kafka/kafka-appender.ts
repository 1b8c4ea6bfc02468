import { sleep } from '../../clock.ts';
import { LogUnavailableError, messageOf, ServiceError } from '../../errors.ts';
import type { Appended, AppendRequest } from '../wal.ts';
import type { ClientContext, KafkaModule } from './kafka-client.ts';
import type { KafkaContact } from './kafka-contact.ts';
import { overloaded, unavailable } from './kafka-errors.ts';
import type { ProducerConfig } from './kafka-options.ts';
import { KafkaProducer } from './kafka-producer.ts';

export interface KafkaAppenderOptions {
  readonly kafka: KafkaModule;
  readonly config: ProducerConfig;
  readonly topic: string;
  readonly context: ClientContext;
  readonly contact: KafkaContact;
  /** Largest key + value; undefined: the broker decides. */
  readonly recordBytesMax: number | undefined;
}

const IN_FLIGHT_BYTES_MAX = 64 * 1024 * 1024;
const IN_FLIGHT_MAX = 100_000;
const CONNECT_MS_MAX = 5_000;
const REBUILD_AGAIN_MS = 1_000;

/** Appends through a producer that is made anew when it has failed for good. */
export class KafkaAppender {
  readonly #options: KafkaAppenderOptions;
  readonly #stop = new AbortController();
  /** Per partition, the offset acknowledged last. */
  readonly #acknowledged = new Map<number, number>();
  #producer: KafkaProducer | undefined;
  #rebuilding: Promise<void> | undefined;
  #inFlight = 0;
  #bytesInFlight = 0;

  constructor(options: KafkaAppenderOptions) {
    this.#options = options;
  }

  /** Rejects with LogUnavailableError. */
  async connect(): Promise<void> {
    const producer = await this.#open();
    if (this.#stop.signal.aborted) return producer.close(0);
    if (producer.dead) throw new LogUnavailableError('the Kafka producer failed at once');
    this.#producer = producer;
  }

  /** Rejects with ServiceError; TypeError for what `AppendRequest` rules out. */
  async append(request: AppendRequest): Promise<Appended> {
    const bytes = this.#sizeOf(request);
    const producer = this.#producer;
    if (producer === undefined) throw unavailable('The log is not connected', 'not_written');
    if (this.#inFlight >= IN_FLIGHT_MAX || this.#bytesInFlight + bytes > IN_FLIGHT_BYTES_MAX) {
      throw overloaded();
    }
    this.#inFlight += 1;
    this.#bytesInFlight += bytes;
    try {
      return await producer.append(request);
    } finally {
      this.#inFlight -= 1;
      this.#bytesInFlight -= bytes;
    }
  }

  async close(flushMs: number): Promise<void> {
    this.#stop.abort();
    const producer = this.#producer;
    this.#producer = undefined;
    await producer?.close(flushMs);
    await this.#rebuilding;
  }

  #sizeOf({ key, value }: AppendRequest): number {
    // An empty Buffer would be sent as null: a lost value, or a key that fails its whole batch.
    if (!Buffer.isBuffer(key) || !Buffer.isBuffer(value) || key.length * value.length === 0) {
      throw new TypeError('an append needs a key and a value with at least one byte each');
    }
    const bytes = key.length + value.length;
    const { recordBytesMax } = this.#options;
    if (recordBytesMax !== undefined && bytes > recordBytesMax) {
      throw new ServiceError(
        'too_large',
        `Key and value have ${bytes} bytes, the topic takes ${recordBytesMax}`,
        { outcome: 'not_written' },
      );
    }
    return bytes;
  }

  #accept(partition: number, { offset }: Appended): void {
    // The broker knew the record from an earlier attempt, but not its place any more.
    if (!(offset >= 0))
      throw unavailable('The log has the record, its place is unknown', 'unknown');
    const latest = this.#acknowledged.get(partition);
    this.#acknowledged.set(partition, offset);
    if (latest === undefined || offset > latest) return;
    const what = `partition ${partition} acknowledged offset ${offset} after ${latest}`;
    this.#options.contact.doubt(what);
    throw unavailable(`The log may be another one: ${what}`, 'unknown');
  }

  #open(): Promise<KafkaProducer> {
    const { kafka, config, topic, context } = this.#options;
    const options = {
      kafka,
      config,
      topic,
      context,
      accept: (partition: number, appended: Appended) => this.#accept(partition, appended),
      onFatal: (producer: KafkaProducer, why: string) => this.#rebuild(producer, why),
    };
    return KafkaProducer.open(options, CONNECT_MS_MAX);
  }

  #rebuild(failed: KafkaProducer, why: string): void {
    const { logger, clock } = this.#options.context;
    const { signal } = this.#stop;
    logger.warn({ why }, 'Kafka producer failed, making another one');
    if (this.#producer === failed) this.#producer = undefined;
    void failed.close(0);
    if (signal.aborted) return;
    this.#rebuilding ??= (async () => {
      while (!signal.aborted && this.#producer === undefined) {
        try {
          await this.connect();
        } catch (error) {
          logger.debug({ said: messageOf(error) }, 'no new Kafka producer yet');
          await sleep(clock, REBUILD_AGAIN_MS, signal);
        }
      }
    })().finally(() => {
      this.#rebuilding = undefined;
    });
  }
}
