/** Produces records at a rate and reads them back: from the call to the record's arrival. */
import { setTimeout as pause } from 'node:timers/promises';
import { answerParent } from '../common/child-side.ts';
import { percentile } from '../common/percentile.ts';
import { RawProducer } from '../kafka/raw-producer.ts';
import { readRaw } from '../kafka/raw-reader.ts';
import { PARTITIONS } from '../kafka/topics.ts';
import { keyOf } from '../memory/figures.ts';
import { atRate } from './at-rate.ts';
import type { VisibilityFigures, VisibilityQuestion } from './visibility-question.ts';

const QUIET_MS = 300;
const WAIT_MS_MAX = 5_000;

answerParent(
  async ({
    brokers,
    topic,
    perSecond,
    ms,
    value,
  }: VisibilityQuestion): Promise<VisibilityFigures> => {
    const sentAt = new Map<string, number>();
    const latencies: number[] = [];
    let going = true;
    const reading = readRaw({
      brokers,
      topic,
      from: 'end',
      take: (messages) => {
        const now = performance.now();
        for (const { key } of messages) {
          const at = sentAt.get(String(key));
          if (at !== undefined) latencies.push(now - at);
          sentAt.delete(String(key));
        }
        return going;
      },
    });
    const producer = await RawProducer.open(brokers, topic);
    const bytes = Buffer.from(value);
    // The first record of an idempotent producer waits for its id.
    await new Promise((resolve) =>
      producer.produce({ partition: 0, key: Buffer.from('first'), value: bytes }, resolve),
    );
    await pause(QUIET_MS);
    await atRate({ perSecond, ms }, (n) => {
      const key = keyOf(n);
      sentAt.set(key, performance.now());
      producer.produce(
        { partition: n % PARTITIONS, key: Buffer.from(key), value: bytes },
        () => {},
      );
    });
    const latest = performance.now() + WAIT_MS_MAX;
    while (sentAt.size > 0 && performance.now() < latest) await pause(5);
    going = false;
    await reading;
    await producer.close();
    return { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) };
  },
);
