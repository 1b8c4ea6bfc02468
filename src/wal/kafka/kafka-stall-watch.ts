import type { Clock } from '../../clock.ts';

const LOOK_MS = 5_000;
/** Looks in a row without a step while the reader ran idle, and while it was busy elsewhere. */
const LOOKS_IDLE_MAX = 3;
const LOOKS_BUSY_MAX = 8;

interface Suspicion {
  readonly position: number;
  /** Polls that found nothing, when it came up. */
  readonly idlePolls: number;
  readonly looks: number;
}

/**
 * Finds partitions that have stopped without a word: the client drops an error that meets a batch
 * with records, and one whose topic was made again is silent for ever. It compares where reading
 * stands with the log's ends, now and then.
 */
export class KafkaStallWatch {
  readonly #ends: () => Promise<readonly number[]>;
  readonly #clock: Clock;
  #suspicions = new Map<number, Suspicion>();
  #lookedAt: number;
  #looking = false;
  #stalled: number | undefined;

  constructor(ends: () => Promise<readonly number[]>, clock: Clock) {
    this.#ends = ends;
    this.#clock = clock;
    this.#lookedAt = clock.monotonic();
  }

  /** A partition found stalled, or undefined. Called after every poll; `positions` are read later. */
  check(positions: readonly number[], idlePolls: () => number): number | undefined {
    const now = this.#clock.monotonic();
    if (!this.#looking && now - this.#lookedAt >= LOOK_MS) {
      this.#lookedAt = now;
      this.#looking = true;
      void this.#look(positions, idlePolls);
    }
    return this.#stalled;
  }

  async #look(positions: readonly number[], idlePolls: () => number): Promise<void> {
    const before = [...positions];
    try {
      const ends = await this.#ends();
      const suspicions = new Map<number, Suspicion>();
      for (const [partition, position] of before.entries()) {
        // Both more to read and less than was read: reading should move, or be told so.
        if (ends[partition] === position || positions[partition] !== position) continue;
        const former = this.#suspicions.get(partition);
        const same = former?.position === position ? former : undefined;
        const looks = (same?.looks ?? 0) + 1;
        const idleSince = same?.idlePolls ?? idlePolls();
        suspicions.set(partition, { position, idlePolls: idleSince, looks });
        const idle = idlePolls() > idleSince;
        if (looks > (idle ? LOOKS_IDLE_MAX : LOOKS_BUSY_MAX)) this.#stalled = partition;
      }
      this.#suspicions = suspicions;
    } catch {
      // Without an answer nothing can be suspected.
      this.#suspicions = new Map();
    } finally {
      this.#looking = false;
    }
  }
}
