import type { Socket } from 'node:net';
import { JSON_TYPE } from './answers.ts';
import { type ErrorAnswer, malformedAnswer } from './error-answers.ts';
import { CLOSE, rawAnswer } from './raw-answer.ts';

/** A request under way, as its connection sees it. */
export interface LiveExchange {
  /** It may run beside others (RFC 9110 §9.2.1: GET, HEAD, OPTIONS, TRACE). */
  readonly safe: boolean;
  /** Bytes of its answer. */
  readonly answerBytes: number;
  readonly answered: boolean;
  /** Its body has not been received to the end. */
  readonly bodyPending: boolean;
  /** The parser has met its end. */
  readonly whole: boolean;
  /** Nothing more will come of its body. */
  cut(fault: ErrorAnswer): void;
  /** Answers now, for the door closes. */
  abandon(): void;
  /** The connection is gone. */
  drop(): void;
}

/** What a connection tells of itself, and what it asks for. */
export interface ConnectionOwner {
  readonly limits: {
    readonly pipelinedMax: number;
    readonly connectionAnswersBytesMax: number;
    readonly lingerMs: number;
    readonly headersMs: number;
    readonly keepAliveMs: number;
    readonly unreadMs: number;
  };
  /** For a `Date` header. */
  date(): string;
  monotonic(): number;
  after(ms: number, callback: () => void): () => void;
  /** First request after silence, or silence after the last answer. */
  activity(connection: Connection): void;
  /** Memory for answers runs short: each connection gets the next one when it has read the last. */
  readonly scarce: boolean;
  /** Bytes that are now held for a client, or no more where negative. */
  held(bytes: number): void;
  /** Where too much is held for all, closes who reads nothing, else who has the most. */
  shed(): void;
}

/** What a request weighs in memory until its answer is sent, roughly. */
const EXCHANGE_BYTES = 4_096;
/** What one connection may leave unread where memory runs short. */
const SCARCE_BYTES_MAX = 16_384;
/** Answers that the client takes its time with: from then on its socket is watched. */
const UNREAD_LOOK_MS = 1_000;
/** How many requests that had to wait are run before other connections have their turn. */
const RUNS_PER_TURN = 16;

interface Waiting {
  readonly exchange: LiveExchange;
  readonly run: () => void;
}

/**
 * One client's socket: its requests in order, and how much is held for it. Safe requests run side by
 * side; one that is not safe runs alone (RFC 9112 §9.3.2): what stands behind it sees what it did.
 */
export class Connection {
  readonly socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #exchanges = new Set<LiveExchange>();
  #waiting: Waiting[] = [];
  /** Run and not answered. */
  readonly #unanswered = new Set<LiveExchange>();
  #latest: LiveExchange | undefined;
  #answersBytes = 0;
  #paused = false;
  #runs = false;
  #fault: ErrorAnswer | undefined;
  #progressAt: number;
  #ended = false;
  #closed = false;
  #bytesWhenIdle = 0;
  #heldUp = 0;
  #timed = false;

  constructor(socket: Socket, owner: ConnectionOwner) {
    this.socket = socket;
    this.#owner = owner;
    this.#progressAt = owner.monotonic();
    // The parser resumes the socket after each answer; while too much waits it is not read.
    socket.on('resume', () => {
      if (this.#paused) socket.pause();
    });
    // The parser's own look at the end passes over a half request that asks for an upgrade.
    socket.on('end', () => {
      const latest = this.#latest;
      if (latest === undefined || latest.whole || latest.answered) return;
      this.fault(malformedAnswer('The request has no end'));
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  get busy(): boolean {
    return this.#exchanges.size > 0;
  }

  /** Nothing was begun since the last answer, nor is owed. */
  get atRest(): boolean {
    return !this.busy && this.#fault === undefined && this.bytesSinceIdle === 0;
  }

  /** Bytes held for its requests and answers. */
  get heldBytes(): number {
    return EXCHANGE_BYTES * this.#exchanges.size + this.#answersBytes;
  }

  /** When the first of its requests came or an answer was last sent to its end; monotonic ms. */
  get progressAt(): number {
    return this.#progressAt;
  }

  /** Bytes that came since no request was under way. */
  get bytesSinceIdle(): number {
    return this.socket.bytesRead - this.#bytesWhenIdle;
  }

  /** Takes a request; `run` is called when those before it allow, and the client has read enough. */
  begin(exchange: LiveExchange, run: () => void): void {
    if (this.#ended) return;
    this.#exchanges.add(exchange);
    this.#latest = exchange;
    if (this.#exchanges.size === 1) {
      this.#progressAt = this.#owner.monotonic();
      this.#owner.activity(this);
    }
    this.#owner.held(EXCHANGE_BYTES);
    this.#owner.shed();
    if (this.#closed) return;
    if (this.#exchanges.size > this.#owner.limits.pipelinedMax) this.#pause();
    const next = { exchange, run };
    if (this.#waiting.length === 0 && this.#mayRun(next)) {
      this.#run(next);
    } else {
      // Bodies of requests that wait are kept without being counted: no more than one.
      const another =
        exchange.bodyPending && this.#waiting.some((each) => each.exchange.bodyPending);
      if (another || !this.#hasRoom()) this.#pause();
      this.#waiting.push(next);
    }
  }

  /** The exchange has its answer, which may not be sent yet. */
  answered(exchange: LiveExchange): void {
    if (this.#unanswered.delete(exchange) && this.#waiting.length > 0) this.#runSoon();
  }

  isLatest(exchange: LiveExchange): boolean {
    return this.#latest === exchange;
  }

  /** The answer says that it is the last one: requests behind it are not run, those before it are. */
  end(last: LiveExchange): void {
    this.#ended = true;
    const at = this.#waiting.findIndex(({ exchange }) => exchange === last);
    this.#waiting = this.#waiting.slice(0, Math.max(0, at));
  }

  /** Until `goOn` no further request is run. */
  holdUp(): void {
    this.#heldUp++;
  }

  goOn(): void {
    this.#heldUp--;
    if (this.#waiting.length > 0) this.#runSoon();
  }

  holdAnswer(bytes: number): void {
    this.#answersBytes += bytes;
    this.#owner.held(bytes);
  }

  /** The answer is with the operating system. */
  finished(exchange: LiveExchange): void {
    if (!this.#exchanges.delete(exchange)) return;
    this.#unanswered.delete(exchange);
    this.#answersBytes -= exchange.answerBytes;
    this.#owner.held(-EXCHANGE_BYTES - exchange.answerBytes);
    this.#progressAt = this.#owner.monotonic();
    if (this.#timed) {
      this.#timed = false;
      this.socket.setTimeout(0);
    }
    if (this.#waiting.length > 0) this.#runSoon();
    else if (this.#paused) this.#resume();
    if (this.busy) return;
    this.#bytesWhenIdle = this.socket.bytesRead;
    this.#owner.activity(this);
    if (this.#fault !== undefined) this.#sayLast(this.#fault);
  }

  /** The parser has given up: told after the answers that are still owed. */
  fault(fault: ErrorAnswer): void {
    if (this.#closed || this.#fault !== undefined) return;
    this.#fault = fault;
    if (!this.busy) this.#sayLast(fault);
    // One that came whole and waits for its turn still gets its own answer.
    else if (this.#latest?.bodyPending && !this.#latest.whole) this.#latest.cut(fault);
  }

  /**
   * To be called now and then: closes a connection on which nothing was asked for long, and has the
   * socket watched where answers are not read. A timer of its own for each would cost every request.
   */
  look(now: number): void {
    const { keepAliveMs, headersMs, unreadMs } = this.#owner.limits;
    const quietMs = now - this.#progressAt;
    if (!this.busy) {
      // A head that has begun has its own time.
      const headMs = this.bytesSinceIdle === 0 ? 0 : headersMs;
      if (quietMs > keepAliveMs + headMs) this.socket.destroy();
    } else if (quietMs > UNREAD_LOOK_MS && !this.#timed && this.owesReading) {
      this.#timed = true;
      this.socket.setTimeout(unreadMs);
    }
  }

  /** The socket was watched, and nothing of its answers was read for long. */
  silent(): void {
    if (this.owesReading) this.socket.destroy();
  }

  /** The answer whose turn it is was given, and is not sent to its end. */
  get owesReading(): boolean {
    const [first] = this.#exchanges;
    return first?.answered === true;
  }

  abandon(): void {
    this.#waiting = [];
    for (const exchange of [...this.#exchanges]) exchange.abandon();
  }

  /** Lets go of everything: the socket is closed, or about to be. */
  drop(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = [];
    this.#owner.held(-this.heldBytes);
    const exchanges = [...this.#exchanges];
    this.#exchanges.clear();
    this.#unanswered.clear();
    for (const exchange of exchanges) exchange.drop();
  }

  #run({ exchange, run }: Waiting): void {
    this.#unanswered.add(exchange);
    run();
  }

  #mayRun(next: Waiting | undefined): next is Waiting {
    if (next === undefined || this.#heldUp > 0 || !this.#hasRoom()) return false;
    if (this.#unanswered.size === 0) return true;
    // One that is not safe runs alone: the first tells of all.
    const [first] = this.#unanswered;
    return next.exchange.safe && first?.safe === true;
  }

  #hasRoom(): boolean {
    const { limits, scarce } = this.#owner;
    return this.#answersBytes <= (scarce ? SCARCE_BYTES_MAX : limits.connectionAnswersBytesMax);
  }

  /** Not at once: a client with many requests for much would keep all others waiting. */
  #runSoon(): void {
    if (this.#runs) return;
    this.#runs = true;
    setImmediate(() => {
      this.#runs = false;
      for (let n = 0; n < RUNS_PER_TURN; n++) {
        const [next] = this.#waiting;
        if (!this.#mayRun(next)) break;
        this.#waiting.shift();
        this.#run(next);
      }
      if (this.#waiting.length === 0) this.#resume();
      else if (this.#mayRun(this.#waiting[0])) this.#runSoon();
    });
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.socket.pause();
  }

  #resume(): void {
    if (!this.#paused || this.#exchanges.size > this.#owner.limits.pipelinedMax / 2) return;
    this.#paused = false;
    this.socket.resume();
  }

  #sayLast(fault: ErrorAnswer): void {
    const { socket } = this;
    if (this.#ended || !socket.writable) return;
    const { status, type = JSON_TYPE, headers, body } = fault;
    const length = Buffer.byteLength(body);
    const head = { status, type, headers, length, date: this.#owner.date(), connection: CLOSE };
    socket.end(rawAnswer(head, body));
    // What is still being sent is read for a while: a reset could take the answer from the client.
    const cancel = this.#owner.after(this.#owner.limits.lingerMs, () => socket.destroy());
    socket.once('close', cancel);
  }
}
