import type { Clock } from '../../clock.ts';
import type { KafkaContact } from './kafka-contact.ts';
import type { KafkaProbe } from './kafka-probe.ts';

const LOOKED_EVERY_MS = 5_000;
/** A transaction that holds a partition back for so long is told in `/status`. */
const OPEN_FOR_MS = 10_000;

type EndsProbe = Pick<KafkaProbe, 'ends'>;

interface Held {
  /** The end for readers of committed records, which does not move. */
  readonly end: number;
  readonly since: number;
}

/**
 * An open transaction of a foreign producer holds everything behind it back from readers of committed
 * records, in silence: the end-of-partition events say that all is read.
 */
export class KafkaTransactionWatch {
  readonly #written: EndsProbe;
  readonly #readable: EndsProbe;
  readonly #contact: KafkaContact;
  readonly #clock: Clock;
  readonly #held = new Map<number, Held>();
  #lookedAt = 0;

  /** @param probes of high watermarks, and of last stable offsets */
  constructor(
    probes: { readonly written: EndsProbe; readonly readable: EndsProbe },
    contact: KafkaContact,
    clock: Clock,
  ) {
    this.#written = probes.written;
    this.#readable = probes.readable;
    this.#contact = contact;
    this.#clock = clock;
  }

  /** To be called often; looks at intervals. Never rejects. */
  async look(): Promise<void> {
    const now = this.#clock.monotonic();
    if (now - this.#lookedAt < LOOKED_EVERY_MS) return;
    this.#lookedAt = now;
    try {
      this.#judge(await this.#readable.ends(), await this.#written.ends(), now);
    } catch {
      // Away: the next look will tell.
    }
  }

  #judge(ends: readonly number[], highs: readonly number[], now: number): void {
    for (const [partition, high] of highs.entries()) {
      const end = ends[partition] ?? high;
      const held = this.#held.get(partition);
      if (high <= end) this.#held.delete(partition);
      else if (held?.end !== end) this.#held.set(partition, { end, since: now });
    }
    const open = [...this.#held].filter(([, { since }]) => now - since >= OPEN_FOR_MS);
    const partitions = open.map(([partition, { end }]) => `${partition} at ${end}`);
    this.#contact.warn(
      'transaction',
      partitions.length === 0
        ? undefined
        : `an open transaction holds records back in partition ${partitions.join(', ')}`,
    );
  }
}
