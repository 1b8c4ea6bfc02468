import type { DeliveryReport, LibrdKafkaError, Producer } from 'node-rdkafka';
import { type Deferred, deferred, withDeadline } from '../../async.ts';
import type { ServiceError } from '../../errors.ts';
import type { Appended, AppendRequest } from '../wal.ts';
import {
  type ClientContext,
  connectClient,
  disconnectClient,
  type KafkaModule,
} from './kafka-client.ts';
import { isFatal, outcomeOf, unavailable, writeFailure } from './kafka-errors.ts';
import type { ProducerConfig } from './kafka-options.ts';

export interface KafkaProducerOptions {
  readonly kafka: KafkaModule;
  readonly config: ProducerConfig;
  readonly topic: string;
  readonly context: ClientContext;
  /** A report for a record that was written; throws where it may not count as acknowledged. */
  readonly accept: (partition: number, appended: Appended) => void;
  /** Once, when this producer can never write again. */
  readonly onFatal: (producer: KafkaProducer, why: string) => void;
}

/** One record under way; travels through the native client as its opaque value. */
interface Flight {
  readonly partition: number;
  readonly settle: Deferred<Appended>;
}

const FLUSH_MS = 250;
const IDLE_POLL_MS = 100;
const DISCONNECT_MS_MAX = 3_000;

/** One native producer. Every append settles, at the latest when the producer is closed. */
export class KafkaProducer {
  readonly #options: KafkaProducerOptions;
  readonly #producer: Producer;
  readonly #flights = new Set<Flight>();
  #pumping: Deferred<void> | undefined;
  #landed: Deferred<void> | undefined;
  #dead = false;
  #cancelPoll = () => {};

  private constructor(options: KafkaProducerOptions, producer: Producer) {
    this.#options = options;
    this.#producer = producer;
    producer.on('delivery-report', (error: LibrdKafkaError | null, report) => {
      this.#report(error, report);
    });
    producer.on('event.error', (error) => {
      if (isFatal(error)) this.#fatal(error.message);
    });
    this.#pollWhenIdle();
  }

  /** Rejects with LogUnavailableError. */
  static async open(options: KafkaProducerOptions, timeoutMs: number): Promise<KafkaProducer> {
    const { kafka, config, topic, context } = options;
    const producer = new kafka.Producer(config.global, config.topic);
    await connectClient(producer, { topic, timeoutMs, context });
    return new KafkaProducer(options, producer);
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** Rejects with ServiceError. */
  append({ partition, key, value, headers }: AppendRequest): Promise<Appended> {
    if (this.#dead)
      return Promise.reject(unavailable('The log has no producer now', 'not_written'));
    const flight: Flight = { partition, settle: deferred() };
    try {
      this.#producer.produce(
        this.#options.topic,
        partition,
        value,
        key,
        undefined,
        flight,
        headers.map(({ name, value: text }) => ({ [name]: text })),
      );
    } catch (error) {
      const failure = error as LibrdKafkaError;
      if (isFatal(failure)) this.#fatal(failure.message);
      return Promise.reject(writeFailure(failure, 'not_written'));
    }
    this.#flights.add(flight);
    this.#pump();
    return flight.settle.promise;
  }

  /** Waits up to `flushMs` for what is under way; what is left then is rejected as unknown. */
  async close(flushMs: number): Promise<void> {
    const { clock } = this.#options.context;
    if (this.#flights.size > 0 && flushMs > 0 && !this.#dead) {
      this.#landed = deferred();
      await withDeadline(clock, this.#landed.promise, flushMs, () => {});
    }
    this.#die(unavailable('The node closed before the log acknowledged', 'unknown'));
    await withDeadline(clock, this.#pumping?.promise ?? Promise.resolve(), 2 * FLUSH_MS, () => {});
    await disconnectProducer(this.#producer, this.#options);
  }

  /** Flushing serves reports the moment that they come; without it they wait for the next poll. */
  #pump(): void {
    if (this.#pumping !== undefined || this.#flights.size === 0 || this.#dead) return;
    const pumping = deferred<void>();
    this.#pumping = pumping;
    const done = () => {
      this.#pumping = undefined;
      pumping.resolve();
      this.#pump();
    };
    try {
      this.#producer.flush(FLUSH_MS, done);
    } catch {
      this.#pumping = undefined;
      pumping.resolve();
    }
  }

  /**
   * Serves events while nothing is under way. Never beside a flush: two threads that serve reports
   * hand them over out of order.
   */
  #pollWhenIdle(): void {
    this.#cancelPoll = this.#options.context.clock.after(IDLE_POLL_MS, () => {
      if (this.#pumping === undefined) this.#producer.poll();
      this.#pollWhenIdle();
    });
  }

  #report(error: LibrdKafkaError | null, report: DeliveryReport): void {
    const flight = report.opaque as Flight | undefined;
    if (flight === undefined || !this.#flights.delete(flight)) return;
    const { settle, partition } = flight;
    if (error) {
      settle.reject(writeFailure(error, outcomeOf(error)));
      if (isFatal(error)) this.#fatal(error.message);
    } else {
      const timestamp = report.timestamp ?? this.#options.context.clock.now();
      const appended = { offset: report.offset, timestamp };
      try {
        this.#options.accept(partition, appended);
        settle.resolve(appended);
      } catch (refusal) {
        settle.reject(refusal);
      }
    }
    if (this.#flights.size === 0) this.#landed?.resolve();
  }

  #fatal(why: string): void {
    if (this.#dead) return;
    this.#die(unavailable(`The log's producer failed: ${why}`, 'unknown'));
    this.#options.onFatal(this, why);
  }

  #die(reason: ServiceError): void {
    this.#dead = true;
    // A poll while the native client goes away may end the process.
    this.#cancelPoll();
    for (const { settle } of this.#flights) settle.reject(reason);
    this.#flights.clear();
    this.#landed?.resolve();
  }
}

function disconnectProducer(producer: Producer, { context }: KafkaProducerOptions): Promise<void> {
  const disconnect = producer.disconnect.bind(producer);
  const atOnce = { disconnect: (done: () => void) => disconnect(1, done) };
  return disconnectClient(atOnce, context.clock, DISCONNECT_MS_MAX);
}
