/** Reads a whole topic in this process: only counts it, or keeps it in a Map. */
import { Consumer, MessagesStreamModes } from '@platformatic/kafka';
import { answerParent } from '../common/child-side.ts';
import { type RawRead, readRaw } from './raw-reader.ts';

export type ReaderKind = 'count' | 'map' | 'platformatic map';

export interface ReaderQuestion {
  readonly kind: ReaderKind;
  readonly brokers: string;
  readonly topic: string;
  readonly records: number;
}

async function readPlatformatic(question: ReaderQuestion): Promise<RawRead> {
  const { brokers, topic } = question;
  const consumer = new Consumer({
    groupId: `bench.${topic}.${process.pid}`,
    clientId: 'bench',
    bootstrapBrokers: brokers.split(','),
  });
  const stream = await consumer.consume({
    topics: [topic],
    mode: MessagesStreamModes.EARLIEST,
    autocommit: false,
  });
  const map = new Map<string, Buffer>();
  let records = 0;
  // Not from the first record: whole fetches are decoded before the stream gives that one.
  const [begun, cpu] = [performance.now(), process.cpuUsage()];
  for await (const { key, value } of stream) {
    map.set(String(key), value);
    if (++records === question.records) break;
  }
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - begun) / 1_000;
  await consumer.close(true);
  return { records, seconds, cpuUs: user + system };
}

answerParent((question: ReaderQuestion): Promise<RawRead> => {
  if (question.kind === 'platformatic map') return readPlatformatic(question);
  const map = new Map<string, Buffer>();
  const { kind, brokers, topic } = question;
  return readRaw({
    brokers,
    topic,
    from: 'beginning',
    take: (messages) => {
      if (kind === 'map') {
        for (const { key, value } of messages) map.set(String(key), value as Buffer);
      }
      return true;
    },
  });
});
