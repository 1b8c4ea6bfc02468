/** A loop of node-rdkafka's produce with a number of records under way. */
import { setTimeout as pause } from 'node:timers/promises';
import { answerParent } from '../common/child-side.ts';
import type { LoadFigures } from '../common/load.ts';
import { percentile } from '../common/percentile.ts';
import { RawProducer } from '../kafka/raw-producer.ts';
import { PARTITIONS } from '../kafka/topics.ts';
import { keyOf } from '../memory/figures.ts';

export type ProduceQuestion =
  | { readonly open: { readonly brokers: string; readonly topic: string } }
  | {
      readonly inFlight: number;
      readonly keys: number;
      readonly value: string;
      readonly warmUpMs: number;
      readonly measureMs: number;
    };

let producer: RawProducer | undefined;
let sent = 0;

answerParent(async (question: ProduceQuestion): Promise<LoadFigures | undefined> => {
  if ('open' in question) {
    producer = await RawProducer.open(question.open.brokers, question.open.topic);
    return undefined;
  }
  const { inFlight, keys, value, warmUpMs, measureMs } = question;
  const bytes = Buffer.from(value);
  let acknowledged = 0;
  let latencies: number[] = [];
  let going = true;
  let underWay = 0;
  const send = () => {
    const number = sent++ % keys;
    const at = performance.now();
    underWay++;
    const record = {
      partition: number % PARTITIONS,
      key: Buffer.from(keyOf(number)),
      value: bytes,
    };
    producer?.produce(record, () => {
      underWay--;
      acknowledged++;
      latencies.push(performance.now() - at);
      if (going) send();
    });
  };
  for (let i = 0; i < inFlight; i++) send();
  await pause(warmUpMs);
  acknowledged = 0;
  latencies = [];
  const [cpu, begun] = [process.cpuUsage(), performance.now()];
  await pause(measureMs);
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - begun) / 1_000;
  const figures = {
    cpu: (user + system) / acknowledged,
    perSecond: acknowledged / seconds,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
  };
  going = false;
  while (underWay > 0) await pause(5);
  return figures;
});
