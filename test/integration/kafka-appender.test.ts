import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import kafka from 'node-rdkafka';
import { ServiceError } from '../../src/errors.ts';
import { systemClock } from '../../src/system-clock.ts';
import { KafkaAppender } from '../../src/wal/kafka/kafka-appender.ts';
import { KafkaContact } from '../../src/wal/kafka/kafka-contact.ts';
import { producerConfig } from '../../src/wal/kafka/kafka-options.ts';
import { requestFor } from '../helpers/append-requests.ts';
import { eventually } from '../helpers/eventually.ts';
import { PLAINTEXT } from '../helpers/kafka-wal.ts';
import { createTopic } from '../helpers/raw-kafka.ts';
import { silentLogger } from '../helpers/silent-logger.ts';
import { type SharedKafka, sharedKafka, uniqueName } from '../services/shared.ts';

describe('an appender whose producer fails for good', () => {
  let shared: SharedKafka;
  let appender: KafkaAppender | undefined;
  before(async () => {
    shared = await sharedKafka();
  });
  after(async () => {
    await appender?.close(1_000);
    await shared.release();
  });

  it('leaves what was under way in doubt and goes on with another producer', async () => {
    const topic = uniqueName('fatal');
    await createTopic(shared.brokerList, topic, { 'cleanup.policy': 'compact' });
    const producers: kafka.Producer[] = [];
    // No way is known to bring a real producer to its fatal error: its event is sent by hand.
    class Recorded extends kafka.Producer {
      constructor(...parts: ConstructorParameters<typeof kafka.Producer>) {
        super(...parts);
        producers.push(this);
      }
    }
    const connection = { brokers: shared.brokerList, clientId: 'test', security: PLAINTEXT };
    const made = new KafkaAppender({
      kafka: { ...kafka, Producer: Recorded },
      config: producerConfig(connection, { writeTimeoutMs: 10_000, messageBytesMax: 1_000_000 }),
      topic,
      context: { clock: systemClock, logger: silentLogger, onLine: () => {} },
      contact: new KafkaContact(),
      recordBytesMax: undefined,
    });
    appender = made;
    await made.connect();
    const first = await made.append(requestFor(0));
    const lost = made.append(requestFor(0)).catch((error) => error);
    producers[0]?.emit('event.error', { message: 'fatal error', code: -1 });
    const failure = await lost;
    assert.ok(failure instanceof ServiceError);
    assert.deepEqual([failure.code, failure.outcome], ['log_unavailable', 'unknown']);
    const refused = await made.append(requestFor(0)).catch((error) => error);
    assert.deepEqual([refused.code, refused.outcome], ['log_unavailable', 'not_written']);
    const next = await eventually('another producer', () => made.append(requestFor(0)));
    assert.ok(next.offset > first.offset);
    assert.equal(producers.length, 2);
    producers[1]?.emit('event.error', { message: 'fatal error', code: -1 });
    await made.close(1_000);
  });
});
