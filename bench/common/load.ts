import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Scale } from '../frame/bench.ts';
import { percentile } from './percentile.ts';
import { cpuUs } from './process-cpu.ts';
import { connected } from './sockets.ts';

/** How requests and answers look on the wire. */
export interface Dialect {
  /** Sent once by each connection, without an answer. */
  readonly greeting?: string;
  /** The `n`th request of the load. */
  request(n: number): Buffer | string;
  /**
   * Length of the answer that begins at `at`, undefined while that cannot be told; it may exceed
   * what has come. Throws where the answer is not the expected one.
   */
  answerBytes(bytes: Buffer, at: number): number | undefined;
  /** Length of what stands at `at` and is no answer to anything, 0 where there is none. */
  noiseBytes?(bytes: Buffer, at: number): number;
}

/** One for each connection. */
export type DialectOf = (connection: number) => Dialect;

export interface LoadOptions {
  readonly pid: number;
  readonly port: number;
  readonly dialect: DialectOf;
  /** Each has one request under way at any time. */
  readonly connections: number;
  readonly scale: Scale;
}

export interface LoadFigures {
  /** CPU time of the server per request, us. */
  readonly cpu: number;
  readonly perSecond: number;
  /** From sending to the whole answer, ms. */
  readonly p50: number;
  readonly p99: number;
}

interface Durations {
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** Where so many operations take longer than the time, they get more of it: cold code is not what is measured. */
const OPERATIONS_MIN: Readonly<Record<Scale, number>> = { smoke: 1, usual: 4_000, full: 10_000 };
const LONGER_MAX = 4;
const LOOK_EVERY_MS = 20;

export const DURATIONS: Readonly<Record<Scale, Durations>> = {
  smoke: { warmUpMs: 50, measureMs: 150 },
  usual: { warmUpMs: 700, measureMs: 2_000 },
  full: { warmUpMs: 2_000, measureMs: 4_000 },
};

/** Keeps a server busy for a while and tells what a request cost it. */
export async function load(options: LoadOptions): Promise<LoadFigures> {
  const { pid, port, dialect, connections, scale } = options;
  const { warmUpMs, measureMs } = DURATIONS[scale];
  const tally = new Tally(Number.POSITIVE_INFINITY);
  const opened: LoadConnection[] = [];
  try {
    await open(opened, { port, dialect, connections, tally });
    await tally.until(OPERATIONS_MIN[scale], warmUpMs);
    tally.latencies = [];
    const [answered, cpu, begun] = [tally.answered, cpuUs(pid), performance.now()];
    await tally.until(answered + OPERATIONS_MIN[scale], measureMs);
    const operations = tally.answered - answered;
    const used = cpuUs(pid) - cpu;
    const seconds = (performance.now() - begun) / 1_000;
    const { latencies } = tally;
    if (tally.failure !== undefined) throw tally.failure;
    if (operations === 0) throw new Error('no request was answered in time');
    return {
      cpu: used / operations,
      perSecond: operations / seconds,
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
    };
  } finally {
    for (const connection of opened) connection.close();
  }
}

/** Sends `count` requests and waits for their answers. */
export async function sendAll(
  count: number,
  options: Pick<LoadOptions, 'port' | 'dialect' | 'connections'>,
): Promise<void> {
  const tally = new Tally(count);
  const opened: LoadConnection[] = [];
  try {
    await open(opened, { ...options, tally });
    await tally.done;
  } finally {
    for (const connection of opened) connection.close();
  }
}

async function open(
  into: LoadConnection[],
  options: Pick<LoadOptions, 'port' | 'dialect' | 'connections'> & { readonly tally: Tally },
): Promise<void> {
  const { port, dialect, connections, tally } = options;
  for (let i = 0; i < connections; i++) {
    into.push(new LoadConnection(await connected(port), dialect(i), tally));
  }
  for (const connection of into) connection.start();
}

class Tally {
  sent = 0;
  answered = 0;
  /** undefined while nothing is measured. */
  latencies: number[] | undefined;
  failure: Error | undefined;
  readonly done: Promise<void>;
  readonly #max: number;
  #settle: { resolve: () => void; reject: (error: Error) => void } | undefined;

  constructor(max: number) {
    this.#max = max;
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.done.catch(() => {});
  }

  /** Number of the next request, undefined when there is none. */
  next(): number | undefined {
    if (this.failure !== undefined || this.sent === this.#max) return undefined;
    return this.sent++;
  }

  answer(latencyMs: number): void {
    this.answered++;
    this.latencies?.push(latencyMs);
    if (this.answered === this.#max) this.#settle?.resolve();
  }

  /** After `ms`, or later where `answered` have not been answered by then. */
  async until(answered: number, ms: number): Promise<void> {
    const begun = performance.now();
    await pause(ms);
    while (this.answered < answered && this.failure === undefined) {
      if (performance.now() - begun > ms * LONGER_MAX) return;
      await pause(LOOK_EVERY_MS);
    }
  }

  fail(error: Error): void {
    this.failure ??= error;
    this.#settle?.reject(error);
  }
}

class LoadConnection {
  readonly #socket: Socket;
  readonly #dialect: Dialect;
  readonly #tally: Tally;
  #rest: Buffer | undefined;
  /** Of an answer whose length is known, bytes that have not come yet. */
  #missing = 0;
  #sentAt = 0;

  constructor(socket: Socket, dialect: Dialect, tally: Tally) {
    this.#socket = socket;
    this.#dialect = dialect;
    this.#tally = tally;
    socket.on('data', (piece) => this.#receive(piece));
    socket.on('error', (error) => this.#fail(error));
    socket.on('end', () => this.#fail(new Error('the server closed a connection')));
  }

  start(): void {
    if (this.#dialect.greeting !== undefined) this.#socket.write(this.#dialect.greeting);
    this.#send();
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(): void {
    const number = this.#tally.next();
    if (number === undefined) return;
    this.#sentAt = performance.now();
    this.#socket.write(this.#dialect.request(number));
  }

  #receive(piece: Buffer): void {
    if (this.#missing > piece.length) {
      this.#missing -= piece.length;
      return;
    }
    let at = this.#missing;
    const ended = at > 0;
    this.#missing = 0;
    if (ended) this.#answered();
    const bytes = this.#rest === undefined ? piece : Buffer.concat([this.#rest, piece]);
    this.#rest = undefined;
    try {
      while (at < bytes.length) {
        const noise = this.#dialect.noiseBytes?.(bytes, at) ?? 0;
        at += noise;
        if (noise > 0) continue;
        const length = this.#dialect.answerBytes(bytes, at);
        if (length === undefined) {
          this.#rest = bytes.subarray(at);
          return;
        }
        at += length;
        if (at <= bytes.length) this.#answered();
      }
      this.#missing = at - bytes.length;
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #answered(): void {
    this.#tally.answer(performance.now() - this.#sentAt);
    this.#send();
  }

  #fail(error: Error): void {
    this.#tally.fail(error);
    this.#socket.destroy();
  }
}
