import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { LogUnavailableError } from '../../../src/errors.ts';
import type { KafkaModule } from '../../../src/wal/kafka/kafka-client.ts';
import { KafkaReader, type KafkaReaderOptions } from '../../../src/wal/kafka/kafka-reader.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';
import { silentLogger } from '../../helpers/silent-logger.ts';

type Consumed = (error: Error | null, messages?: unknown[]) => void;
/** What a call into the client gives: an error, or messages with these offsets. */
type Step = Error | readonly number[];

const WRONG = Object.assign(new Error('Local: Bad message format'), { code: -199 });

/** A reader of one partition whose client gives this, call by call: no broker errs between two calls on demand. */
async function readerOf(steps: readonly Step[]) {
  const left = [...steps];
  const counts: number[] = [];
  class Client extends EventEmitter {
    connect(_: unknown, done: (error: null) => void) {
      done(null);
    }
    disconnect(done: () => void) {
      done();
    }
    assign() {}
    setDefaultConsumeTimeout() {}
    consume(count: number, done: Consumed) {
      counts.push(count);
      const step = left.shift() ?? [];
      if (step instanceof Error) return done(step);
      done(
        null,
        step.map((offset) => ({ partition: 0, offset, key: Buffer.from('k'), value: null })),
      );
    }
  }
  const options = {
    kafka: { KafkaConsumer: Client } as unknown as KafkaModule,
    config: { global: {}, topic: {} },
    topic: 'letters',
    positions: [0],
    context: { clock: new ManualClock(), logger: silentLogger, onLine: () => {} },
    contact: { doubt: () => {} },
    ends: async () => [0],
    onClosed: () => {},
  } as unknown as KafkaReaderOptions;
  const reader = await KafkaReader.open(options);
  const next = async () => (await reader.next(500)).records.map(({ offset }) => offset);
  return { next, counts };
}

describe('the reader of Kafka', () => {
  it('takes along what is queued behind a record', async () => {
    const { next, counts } = await readerOf([[0], [1, 2], [3]]);
    assert.deepEqual(await next(), [0, 1, 2]);
    assert.deepEqual(await next(), [3]);
    assert.deepEqual(counts, [1, 499, 1, 499]);
  });

  it('keeps a record when asking for those behind it fails: else nothing before a fault is ever applied', async () => {
    const { next } = await readerOf([[0], WRONG]);
    assert.deepEqual(await next(), [0]);
    await assert.rejects(next(), LogUnavailableError);
  });
});
