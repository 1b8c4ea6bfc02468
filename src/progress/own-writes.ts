/**
 * Keys whose write this node has acknowledged and not yet applied: a read of one waits for it, so
 * that a node's own writes are visible on it.
 */
export class OwnWrites {
  readonly #offsets = new Map<string, number>();
  /** Per partition in the order of acknowledgement, which is nearly that of the offsets. */
  readonly #queues = new Map<number, { key: string; offset: number }[]>();

  add(partition: number, key: string, offset: number): void {
    if ((this.#offsets.get(key) ?? -1) >= offset) return;
    this.#offsets.set(key, offset);
    const queue = this.#queues.get(partition);
    if (queue === undefined) this.#queues.set(partition, [{ key, offset }]);
    else queue.push({ key, offset });
  }

  /** The offset to wait for, undefined where there is nothing to wait for. */
  get(key: string): number | undefined {
    return this.#offsets.size === 0 ? undefined : this.#offsets.get(key);
  }

  /** Everything below `position` is applied. */
  applied(partition: number, position: number): void {
    const queue = this.#queues.get(partition);
    if (queue === undefined || queue.length === 0) return;
    const left = queue.filter(({ key, offset }) => {
      if (offset >= position) return true;
      if (this.#offsets.get(key) === offset) this.#offsets.delete(key);
      return false;
    });
    this.#queues.set(partition, left);
  }

  /** The log is another one, or shorter: nothing acknowledged before can be waited for. */
  clear(): void {
    this.#offsets.clear();
    this.#queues.clear();
  }
}
