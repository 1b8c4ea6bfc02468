interface OwnWrite {
  readonly key: string;
  readonly offset: number;
  /** When it was known to be acknowledged; monotonic ms. */
  readonly at: number;
}

/**
 * Keys whose write this node has acknowledged and not yet applied: a read of one waits for it, so
 * that a node's own writes are visible on it.
 */
export class OwnWrites {
  readonly #offsets = new Map<string, number>();
  /** Per partition in the order of acknowledgement, which is nearly that of the offsets. */
  readonly #queues = new Map<number, OwnWrite[]>();

  /** @param at when it was acknowledged, or later; monotonic ms */
  add(partition: number, key: string, offset: number, at: number): void {
    if ((this.#offsets.get(key) ?? -1) >= offset) return;
    this.#offsets.set(key, offset);
    const queue = this.#queues.get(partition);
    if (queue === undefined) this.#queues.set(partition, [{ key, offset, at }]);
    else queue.push({ key, offset, at });
  }

  /** The offset to wait for, undefined where there is nothing to wait for. */
  get(key: string): number | undefined {
    return this.#offsets.size === 0 ? undefined : this.#offsets.get(key);
  }

  /**
   * Everything below `position` is applied. One that was acknowledged behind a later one stays until that
   * one goes: who waits for it waits no longer than for the position, and a long queue is not walked.
   */
  applied(partition: number, position: number): void {
    const queue = this.#queues.get(partition);
    if (queue === undefined) return;
    const left = queue.findIndex(({ offset }) => offset >= position);
    for (const write of queue.splice(0, left < 0 ? queue.length : left)) this.#forget(write);
  }

  /**
   * The log, asked at this moment, ends before what it has acknowledged by then: those writes are lost.
   * @returns how many
   */
  shortened(partition: number, end: number, askedAt: number): number {
    const queue = this.#queues.get(partition) ?? [];
    const isLost = ({ offset, at }: OwnWrite) => offset >= end && at <= askedAt;
    const lost = queue.filter(isLost);
    if (lost.length === 0) return 0;
    for (const write of lost) this.#forget(write);
    this.#queues.set(
      partition,
      queue.filter((write) => !isLost(write)),
    );
    return lost.length;
  }

  #forget({ key, offset }: OwnWrite): void {
    if (this.#offsets.get(key) === offset) this.#offsets.delete(key);
  }

  /** The log is another one, or shorter: nothing acknowledged before can be waited for. */
  clear(): void {
    this.#offsets.clear();
    this.#queues.clear();
  }
}
