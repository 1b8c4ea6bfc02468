import { withDeadline } from '../async.ts';
import { type Clock, sleep } from '../clock.ts';
import type { RpcMessage } from '../codec/rpc-protocol.ts';
import { requireKey } from '../codec/utf8.ts';
import { messageOf } from '../errors.ts';
import { BitacoraError } from './bitacora-error.ts';
import { judgeError } from './judge-error.ts';
import type { CallOutcome } from './pending-calls.ts';
import { RecentWrites } from './recent-writes.ts';
import type { ServerConnection } from './server-connection.ts';
import type { ServerPool } from './server-pool.ts';

/** With less time left than this no further attempt is begun. */
const ATTEMPT_MS_MIN = 20;
const PAUSE_MS_MIN = 20;
const PAUSE_MS_MAX = 500;
/** How long a server that is not connected yet is waited for when another one is. */
const OTHER_WAIT_MS = 250;

export interface CallerOptions {
  readonly pool: ServerPool;
  readonly deadlineMs: number;
  /** Its timers keep the process alive: somebody waits. */
  readonly clock: Clock;
}

type Failed = Exclude<CallOutcome, { kind: 'value' }>;

/** Makes a call, on as many servers as it takes and may be. */
export class Caller {
  readonly #pool: ServerPool;
  readonly #deadlineMs: number;
  readonly #clock: Clock;
  readonly #writes: RecentWrites;
  readonly #closing = new AbortController();

  constructor({ pool, deadlineMs, clock }: CallerOptions) {
    this.#pool = pool;
    this.#deadlineMs = deadlineMs;
    this.#clock = clock;
    this.#writes = new RecentWrites(clock);
  }

  /** Resolves once a server is connected. @throws BitacoraError unavailable, closed */
  async connected(): Promise<void> {
    await this.#connection(new Set(), this.#clock.monotonic() + this.#deadlineMs, undefined);
  }

  /** @throws BitacoraError */
  async run(message: RpcMessage, key: string, value: string): Promise<string | null> {
    this.#requireOpen();
    requireTexts(key, value);
    const call = { message, key, value };
    let now = this.#clock.monotonic();
    const until = now + this.#deadlineMs;
    const tried = new Set<string>();
    let failure: BitacoraError | undefined;
    for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
      let connection = this.#pool.pick(tried, this.#writes.serverOf(key));
      if (connection === undefined) {
        connection = await this.#connection(tried, until, failure);
        now = this.#clock.monotonic();
      }
      tried.add(connection.server);
      const ms = this.#patience(message, Math.max(0, until - now), tried);
      const outcome = await connection.call(call, now, now + ms);
      if (outcome.kind === 'value') {
        if (message !== 'getValue') this.#writes.add(key, connection.server);
        return outcome.value;
      }
      failure = this.#failure(
        message,
        outcome,
        `${connection.server} did not answer within ${Math.round(ms)} ms`,
      );
      now = this.#clock.monotonic();
      if (this.#pool.pick(tried) !== undefined && until - now >= ATTEMPT_MS_MIN) continue;
      // The last one connected cannot help: its place is for a server that was not asked.
      if (this.#pool.hasOther(tried)) connection.retire();
      else tried.clear();
      await this.#pause(Math.min(pauseMs, until - now));
      now = this.#clock.monotonic();
      // Not begun again with no time left: a write would be sent and given up at once, and a read
      // would end as a timeout although a server has said what is wrong.
      if (until - now < ATTEMPT_MS_MIN) throw failure;
    }
  }

  close(): void {
    this.#closing.abort();
  }

  /** A read that may go to another server leaves half of the time for that. */
  #patience(message: RpcMessage, left: number, tried: ReadonlySet<string>): number {
    return message === 'getValue' && this.#pool.hasOther(tried) ? left / 2 : left;
  }

  /**
   * Why the call may be tried again: what to say when there is no time left for that.
   * @throws BitacoraError where it may not
   */
  #failure(message: RpcMessage, outcome: Failed, silence: string): BitacoraError {
    const read = message === 'getValue';
    switch (outcome.kind) {
      case 'error': {
        const judged = judgeError(message, outcome.text);
        if (judged !== 'retry') throw judged;
        return new BitacoraError('unavailable', outcome.text);
      }
      case 'late': {
        if (!read) throw new BitacoraError('unknown_outcome', silence);
        return new BitacoraError('timeout', silence);
      }
      case 'lost': {
        const { error } = outcome;
        if (!read) throw new BitacoraError('unknown_outcome', error.message, error);
        this.#requireOpen();
        return new BitacoraError('unavailable', error.message, error);
      }
    }
  }

  async #connection(
    tried: Set<string>,
    until: number,
    failure: BitacoraError | undefined,
  ): Promise<ServerConnection> {
    for (;;) {
      this.#requireOpen();
      const left = until - this.#clock.monotonic();
      if (left <= 0) throw failure ?? this.#unavailable();
      const connection = this.#pool.pick(tried);
      if (connection !== undefined) return connection;
      const wait = tried.size > 0 ? Math.min(OTHER_WAIT_MS, left) : left;
      const changed = this.#pool.changed().then(() => true);
      if (!(await withDeadline(this.#clock, changed, wait, () => false))) tried.clear();
    }
  }

  async #pause(ms: number): Promise<void> {
    if (ms > 0) await sleep(this.#clock, ms, this.#closing.signal);
  }

  #unavailable(): BitacoraError {
    const text = `No server within ${this.#deadlineMs} ms: ${this.#pool.lastFault}`;
    return new BitacoraError('unavailable', text);
  }

  #requireOpen(): void {
    if (this.#closing.signal.aborted) throw new BitacoraError('closed', 'The client is closed');
  }
}

/** What is no text would arrive as another one. */
function requireTexts(key: string, value: string): void {
  if (typeof key !== 'string' || typeof value !== 'string') {
    throw new BitacoraError('rejected', 'bad_value: Keys and values are strings');
  }
  try {
    requireKey(key);
  } catch (error) {
    throw new BitacoraError('rejected', `bad_key: ${messageOf(error)}`, error);
  }
  if (!value.isWellFormed()) {
    throw new BitacoraError('rejected', 'bad_value: The value is not well-formed Unicode');
  }
}
