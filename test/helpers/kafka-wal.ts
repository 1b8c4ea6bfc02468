import { ExitError } from '../../src/errors.ts';
import { createLogger } from '../../src/logger.ts';
import { systemClock } from '../../src/system-clock.ts';
import { KafkaWal, type KafkaWalOptions } from '../../src/wal/kafka/kafka-wal.ts';

export const PLAINTEXT = { protocol: 'plaintext' } as const;

/** A log on a topic, not connected yet, with what tests mostly want. */
export function openKafkaWal(
  options: Partial<KafkaWalOptions> & Pick<KafkaWalOptions, 'brokers' | 'topic'>,
): Promise<KafkaWal> {
  return KafkaWal.open({
    partitions: 3,
    replication: undefined,
    compactionLagMs: 1_000,
    groupId: () => `bitacora.${options.topic}.test`,
    clientId: 'bitacora-test',
    keyBytesMax: 8 * 1024,
    valueBytesMax: 1024 * 1024,
    writeTimeoutMs: 30_000,
    security: PLAINTEXT,
    clock: systemClock,
    logger: createLogger('silent', false),
    ...options,
  });
}

export function isExit(exitCode: 1 | 2, pattern: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof ExitError && error.exitCode === exitCode && pattern.test(error.message);
}
