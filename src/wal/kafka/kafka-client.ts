import type * as Rdkafka from 'node-rdkafka';
import type { Clock } from '../../clock.ts';
import { ExitError, LogUnavailableError, messageOf } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { KafkaLogLine } from './kafka-log-lines.ts';

export type KafkaModule = Pick<typeof Rdkafka, 'KafkaConsumer' | 'Producer' | 'features'>;
type AnyClient = Rdkafka.Client<'event.log' | 'event.error'>;

/** The client's own time-outs come first; this is for a callback that never comes. */
const GUARD_MS = 2_000;
const SEVERITY_ERROR = 3;
const SEVERITY_WARNING = 4;
const SAME_LINE_MS = 60_000;

/** The native client is an optional dependency: a standalone node needs none. */
export async function loadKafkaModule(): Promise<KafkaModule> {
  try {
    return (await import('node-rdkafka')).default;
  } catch (error) {
    throw new ExitError(
      1,
      'Kafka needs the package node-rdkafka, which is not installed or not built here. Install a C++ compiler, make, ' +
        'python3 and the headers of OpenSSL, zlib and libzstd, then run `npm install node-rdkafka@3.6.1` ' +
        `(${messageOf(error).split('\n')[0]})`,
      error,
    );
  }
}

export interface ClientContext {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Every line that a client logs. */
  readonly onLine: (line: KafkaLogLine) => void;
}

/**
 * Listens to what a client says beside its answers. Returns the last reason for a failure that it
 * gave: its errors carry none.
 */
export function listenTo(client: AnyClient, context: ClientContext): () => string | undefined {
  const { clock, logger, onLine } = context;
  const said = new Map<string, number>();
  let reason: string | undefined;
  const onLog = (line: KafkaLogLine) => {
    onLine(line);
    if (line.severity > SEVERITY_WARNING) return;
    if (line.severity <= SEVERITY_ERROR) reason = line.message;
    // During an outage the same lines come every second.
    const now = clock.monotonic();
    const latest = said.get(line.fac);
    const again = latest !== undefined && now - latest < SAME_LINE_MS;
    if (!again) said.set(line.fac, now);
    logger[again ? 'debug' : 'warn']({ fac: line.fac, said: line.message }, 'Kafka client');
  };
  client.on('event.log', onLog);
  client.on('event.error', (error: Rdkafka.LibrdKafkaError) => {
    logger.debug({ said: error.message }, 'Kafka client error');
  });
  return () => reason;
}

export interface ConnectOptions {
  readonly topic: string;
  readonly timeoutMs: number;
  readonly context: ClientContext;
}

/** One attempt; rejects with LogUnavailableError, and the client is gone then. */
export async function connectClient(client: AnyClient, options: ConnectOptions): Promise<void> {
  const { topic, timeoutMs, context } = options;
  const reason = listenTo(client, context);
  try {
    await new Promise<void>((resolve, reject) => {
      let late = false;
      const cancel = context.clock.after(timeoutMs + GUARD_MS, () => {
        late = true;
        reject(new Error('timed out'));
      });
      client.connect({ topic, allTopics: false, timeout: timeoutMs }, (error) => {
        cancel();
        if (late) void disconnectClient(client, context.clock);
        else if (error) reject(error);
        else resolve();
      });
    });
  } catch (error) {
    void disconnectClient(client, context.clock);
    const why = [messageOf(error), reason()].filter((text) => text !== undefined).join('; ');
    throw new LogUnavailableError(`Kafka does not answer: ${why}`, error);
  }
}

/** Resolves once the client is gone, or after a while when it never says so. */
export function disconnectClient(
  client: { disconnect(done: () => void): unknown },
  clock: Clock,
  withinMs = GUARD_MS,
): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(withinMs, resolve);
    const done = () => {
      cancel();
      resolve();
    };
    try {
      client.disconnect(done);
    } catch {
      // It was not connected.
      done();
    }
  });
}
