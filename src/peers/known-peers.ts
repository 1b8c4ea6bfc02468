import { CircuitBreaker } from './circuit-breaker.ts';

/** What a peer last said of a partition; a position of −1: nothing of use. */
interface Sighting {
  readonly position: number;
  readonly final: boolean;
  readonly at: number;
}

interface KnownPeer {
  readonly breaker: CircuitBreaker;
  readonly partitions: Map<number, Sighting>;
}

/** How long a peer that was not ahead of us is left alone. */
export const LEAVE_ALONE_MS = 1_000;
/** Beyond it what is known of peers that are no members any more is dropped. */
const KNOWN_PEERS_MAX = 256;

/** What asking has taught about the peers. Times are monotonic ms. */
export class KnownPeers {
  readonly #random: () => number;
  readonly #peers = new Map<string, KnownPeer>();

  constructor(random: () => number) {
    this.#random = random;
  }

  /**
   * Those of `names` worth asking, best first: fresh when last asked, then the most advanced, those
   * never asked last. One place among the first `width` goes to any of the others, so that a peer
   * nobody has heard of is found.
   */
  order(
    names: readonly string[],
    about: { readonly partition: number; readonly position: number; readonly width: number },
    now: number,
  ): string[] {
    this.#forget(names);
    const ranked = names
      .filter((name) => this.#worthAsking(name, about, now))
      .map((name) => ({
        name,
        worth: this.#worth(name, about.partition, now),
        lot: this.#random(),
      }))
      .sort((a, b) => b.worth - a.worth || a.lot - b.lot)
      .map(({ name }) => name);
    const { width } = about;
    if (ranked.length > width) {
      const drawn = width - 1 + Math.floor(this.#random() * (ranked.length - width + 1));
      ranked.splice(width - 1, 0, ...ranked.splice(drawn, 1));
    }
    return ranked;
  }

  /** Whether its last answer about a partition was fresh, and not long ago. */
  isFresh(name: string, partition: number, now: number): boolean {
    const seen = this.#peers.get(name)?.partitions.get(partition);
    return seen?.final === true && now - seen.at < LEAVE_ALONE_MS;
  }

  /** A peer's breaker; a first mention makes it. */
  breaker(name: string): CircuitBreaker {
    return this.#peer(name).breaker;
  }

  saw(name: string, partition: number, sighting: Sighting): void {
    this.#peer(name).partitions.set(partition, sighting);
  }

  #worthAsking(
    name: string,
    about: { readonly partition: number; readonly position: number },
    now: number,
  ): boolean {
    const seen = this.#peers.get(name)?.partitions.get(about.partition);
    if (seen === undefined || now - seen.at >= LEAVE_ALONE_MS) return true;
    // A fresh peer without a higher position still makes the difference between `behind` and `peer`.
    return seen.final || seen.position > about.position;
  }

  #worth(name: string, partition: number, now: number): number {
    if (this.isFresh(name, partition, now)) return Number.POSITIVE_INFINITY;
    return this.#peers.get(name)?.partitions.get(partition)?.position ?? -1;
  }

  #peer(name: string): KnownPeer {
    let peer = this.#peers.get(name);
    if (peer === undefined) {
      peer = { breaker: new CircuitBreaker(), partitions: new Map() };
      this.#peers.set(name, peer);
    }
    return peer;
  }

  #forget(members: readonly string[]): void {
    if (this.#peers.size <= Math.max(KNOWN_PEERS_MAX, members.length)) return;
    const kept = new Set(members);
    for (const name of this.#peers.keys()) if (!kept.has(name)) this.#peers.delete(name);
  }
}
