import type { Clock } from '../clock.ts';
import type { CallAnswer } from '../codec/rpc-calls.ts';
import type { RpcMessage } from '../codec/rpc-protocol.ts';

/** A call is given up no later than this after its deadline, in ms. */
const LATE_MS_MAX = 5;

/** What became of a call; `lost`: the connection ended, and whether it took place is not known. */
export type CallOutcome =
  | CallAnswer
  | { readonly kind: 'late' }
  | { readonly kind: 'lost'; readonly error: Error };

export interface PendingCall {
  readonly message: RpcMessage;
  /** Monotonic times. */
  readonly sentAt: number;
  readonly until: number;
  readonly settle: (outcome: CallOutcome) => void;
}

/** The calls in flight on a connection, by serial. One timer is enough for all their deadlines. */
export class PendingCalls {
  readonly #clock: Clock;
  readonly #onLate: (call: PendingCall) => void;
  readonly #calls = new Map<number, PendingCall>();
  #serial = 0;
  /** When the timer is due; Infinity: there is none. It may outlive the calls it was set for. */
  #lookAt = Number.POSITIVE_INFINITY;
  #cancelLook = () => {};

  /** @param onLate is told of each call that was given up at its deadline. */
  constructor(clock: Clock, onLate: (call: PendingCall) => void) {
    this.#clock = clock;
    this.#onLate = onLate;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** Gives the call's serial. */
  add(call: PendingCall): number {
    do {
      this.#serial = (this.#serial + 1) | 0;
    } while (this.#calls.has(this.#serial));
    this.#calls.set(this.#serial, call);
    if (call.until < this.#lookAt) this.#look(call.until, call.until - call.sentAt);
    return this.#serial;
  }

  get(serial: number): PendingCall | undefined {
    return this.#calls.get(serial);
  }

  /** It is answered: nobody waits any more. */
  delete(serial: number): void {
    this.#calls.delete(serial);
  }

  /** Settles all of them as lost. */
  lose(error: Error): void {
    this.#cancelLook();
    this.#lookAt = Number.POSITIVE_INFINITY;
    for (const { settle } of this.#calls.values()) settle({ kind: 'lost', error });
    this.#calls.clear();
  }

  #look(at: number, ms: number): void {
    this.#cancelLook();
    this.#lookAt = at;
    this.#cancelLook = this.#clock.after(Math.ceil(ms), () => this.#giveUp());
  }

  #giveUp(): void {
    const now = this.#clock.monotonic();
    let next = Number.POSITIVE_INFINITY;
    for (const [serial, call] of this.#calls) {
      if (call.until > now) {
        next = Math.min(next, call.until);
        continue;
      }
      this.#calls.delete(serial);
      this.#onLate(call);
      call.settle({ kind: 'late' });
    }
    this.#lookAt = Number.POSITIVE_INFINITY;
    if (next < Number.POSITIVE_INFINITY) this.#look(next, Math.max(LATE_MS_MAX, next - now));
  }
}
