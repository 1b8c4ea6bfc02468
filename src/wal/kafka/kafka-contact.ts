import type { WalEvents } from '../wal.ts';

/** Whether the log answers, and who is told of changes and doubts. */
export class KafkaContact {
  events: WalEvents = {};
  #connected = false;

  get connected(): boolean {
    return this.#connected;
  }

  set(connected: boolean): void {
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.events.contact?.(connected);
  }

  doubt(why: string): void {
    this.events.identityDoubt?.(why);
  }

  /** Sets what a name warns of, or takes it back. */
  warn(name: string, line: string | undefined): void {
    this.events.warning?.(name, line);
  }
}
