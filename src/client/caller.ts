import { withDeadline } from '../async.ts';
import { type Clock, sleep } from '../clock.ts';
import type { CallAnswer } from '../codec/rpc-calls.ts';
import type { RpcMessage } from '../codec/rpc-protocol.ts';
import { requireKey } from '../codec/utf8.ts';
import { messageOf } from '../errors.ts';
import { BitacoraError } from './bitacora-error.ts';
import { judgeError } from './judge-error.ts';
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

interface Call {
  readonly message: RpcMessage;
  readonly key: Buffer;
  readonly value: Buffer;
  /** Monotonic time of the deadline. */
  readonly until: number;
}

type Attempt =
  | { readonly value: string | null }
  /** It may be tried again; what to say when there is no time left for that. */
  | { readonly failure: BitacoraError };

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
    const until = this.#clock.monotonic() + this.#deadlineMs;
    const call = { message, key: Buffer.from(key), value: Buffer.from(value), until };
    const tried = new Set<string>();
    let failure: BitacoraError | undefined;
    for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
      const connection =
        this.#pool.pick(tried, this.#writes.serverOf(key)) ??
        (await this.#connection(tried, until, failure));
      tried.add(connection.server);
      const attempt = await this.#attempt(connection, call, tried);
      if ('value' in attempt) {
        if (message !== 'getValue') this.#writes.add(key, connection.server);
        return attempt.value;
      }
      failure = attempt.failure;
      const left = until - this.#clock.monotonic();
      if (this.#pool.pick(tried) !== undefined && left >= ATTEMPT_MS_MIN) continue;
      // The last one connected cannot help: its place is for a server that was not asked.
      if (this.#pool.hasOther(tried)) connection.retire();
      else tried.clear();
      await this.#pause(Math.min(pauseMs, until - this.#clock.monotonic()));
      // Not begun again with no time left: a write would be sent and given up at once, and a read
      // would end as a timeout although a server has said what is wrong.
      if (until - this.#clock.monotonic() < ATTEMPT_MS_MIN) throw failure;
    }
  }

  close(): void {
    this.#closing.abort();
  }

  /** Sends the call to one server. @throws BitacoraError where it may not be tried again */
  async #attempt(
    connection: ServerConnection,
    call: Call,
    tried: ReadonlySet<string>,
  ): Promise<Attempt> {
    const { message, key, value, until } = call;
    const read = message === 'getValue';
    const sentAt = this.#clock.monotonic();
    const left = Math.max(0, until - sentAt);
    const ms = read && this.#pool.hasOther(tried) ? left / 2 : left;
    const sent = connection.call(message, key, value);
    let answer: CallAnswer | undefined;
    try {
      const late = async () => undefined;
      answer = await withDeadline<CallAnswer | undefined>(this.#clock, sent.answer, ms, late);
    } catch (error) {
      return { failure: this.#lost(read, error) };
    }
    if (answer === undefined) {
      // Silence for a whole call: new calls go elsewhere, those in flight may still be answered.
      if (connection.heardAt < sentAt) connection.retire();
      sent.forget();
      const text = `${connection.server} did not answer within ${Math.round(ms)} ms`;
      if (!read) throw new BitacoraError('unknown_outcome', text);
      return { failure: new BitacoraError('timeout', text) };
    }
    if (answer.kind === 'value') return { value: answer.value };
    const judged = judgeError(message, answer.text);
    if (judged !== 'retry') throw judged;
    return { failure: new BitacoraError('unavailable', answer.text) };
  }

  /** The connection ended with the call in flight. */
  #lost(read: boolean, error: unknown): BitacoraError {
    if (!read) throw new BitacoraError('unknown_outcome', messageOf(error), error);
    this.#requireOpen();
    return new BitacoraError('unavailable', messageOf(error), error);
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
