import type { Clock } from '../clock.ts';

/** For so long another server may not have applied a write yet; a node that is further behind says so. */
const REMEMBERED_MS = 5_000;
const KEYS_MAX = 10_000;

/** Which server took a write of a key lately: it is the one that is sure to read it back. */
export class RecentWrites {
  readonly #clock: Clock;
  /** In the order of writing, the oldest first. */
  readonly #writes = new Map<string, { readonly server: string; readonly until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(key: string, server: string): void {
    this.#writes.delete(key);
    this.#writes.set(key, { server, until: this.#clock.monotonic() + REMEMBERED_MS });
    const [oldest] = this.#writes.keys();
    if (oldest !== undefined && this.#writes.size > KEYS_MAX) this.#writes.delete(oldest);
  }

  /** `host:port`, or undefined where any server will do. */
  serverOf(key: string): string | undefined {
    const write = this.#writes.get(key);
    if (write === undefined) return undefined;
    if (write.until >= this.#clock.monotonic()) return write.server;
    this.#writes.delete(key);
    return undefined;
  }
}
