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

  /** Everything below `position` is applied. */
  applied(partition: number, position: number): void {
    this.#drop(partition, ({ offset }) => offset < position);
  }

  /**
   * The log, asked at this moment, ends before what it has acknowledged by then: those writes are lost.
   * @returns how many
   */
  shortened(partition: number, end: number, askedAt: number): number {
    return this.#drop(partition, ({ offset, at }) => offset >= end && at <= askedAt);
  }

  #drop(partition: number, which: (write: OwnWrite) => boolean): number {
    const queue = this.#queues.get(partition);
    if (queue === undefined || queue.length === 0) return 0;
    const left = queue.filter((write) => {
      if (!which(write)) return true;
      if (this.#offsets.get(write.key) === write.offset) this.#offsets.delete(write.key);
      return false;
    });
    this.#queues.set(partition, left);
    return queue.length - left.length;
  }

  /** The log is another one, or shorter: nothing acknowledged before can be waited for. */
  clear(): void {
    this.#offsets.clear();
    this.#queues.clear();
  }
}
