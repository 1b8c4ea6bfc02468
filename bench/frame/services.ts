import { messageOf } from '../../src/errors.ts';
import { type SharedKafka, sharedKafka } from '../../test/services/shared.ts';
import type { Absent } from './absent.ts';

/** What several subjects of a bench share, started when it is first asked for. */
export class Services {
  #kafka: Promise<SharedKafka> | undefined;

  /** A broker, `host:port`. */
  async kafka(): Promise<{ readonly brokers: string } | Absent> {
    try {
      this.#kafka ??= sharedKafka();
      return { brokers: (await this.#kafka).brokerList };
    } catch (error) {
      return { absent: `no Kafka: ${messageOf(error).split('\n')[0]}` };
    }
  }

  async close(): Promise<void> {
    const started = await this.#kafka?.catch(() => undefined);
    await started?.release();
  }
}
