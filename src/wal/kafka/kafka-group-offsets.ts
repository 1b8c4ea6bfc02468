import type { Clock } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { KafkaAdmin } from './kafka-admin.ts';
import type { KafkaContact } from './kafka-contact.ts';

export interface KafkaGroupOffsetsOptions {
  readonly admin: KafkaAdmin;
  readonly topic: string;
  /** Asked at every attempt. */
  readonly groupId: () => string;
  readonly contact: KafkaContact;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Offsets of an empty group expire, counted from the last commit. */
const IDLE_MS = 60_000;

/**
 * Our positions as the offsets of a consumer group, for operators' tools alone.
 *
 * Not through the consumer: with a commit under way that no broker answers, its close never ends, nor
 * does the process.
 */
export class KafkaGroupOffsets {
  readonly #options: KafkaGroupOffsetsOptions;
  #last: readonly number[] = [];
  #lastAt = 0;
  #busy = false;
  #refused = false;

  constructor(options: KafkaGroupOffsetsOptions) {
    this.#options = options;
  }

  /** One attempt at a time, none where nothing has changed. Never throws. @param positions by partition */
  publish(positions: readonly number[]): void {
    const { clock, contact, logger } = this.#options;
    if (this.#busy || this.#refused || !contact.connected) return;
    const now = clock.monotonic();
    const same =
      positions.length === this.#last.length && positions.every((p, i) => p === this.#last[i]);
    if (same && now - this.#lastAt < IDLE_MS) return;
    this.#last = [...positions];
    this.#lastAt = now;
    this.#busy = true;
    this.#commit(this.#last)
      .catch((error: unknown) => {
        this.#last = [];
        logger.debug({ said: messageOf(error) }, 'offsets not published');
      })
      .finally(() => {
        this.#busy = false;
      });
  }

  async #commit(positions: readonly number[]): Promise<void> {
    const { admin, topic, groupId, contact } = this.#options;
    const group = groupId();
    if (await admin.commitOffsets(group, topic, positions)) return;
    this.#refused = true;
    contact.warn('group', `Kafka refuses the consumer group ${group}: offsets are not published`);
  }
}
