import type { IncomingMessage, ServerResponse } from 'node:http';
import { ServiceError, type WriteOutcome } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { JSON_TYPE } from './answers.ts';
import type { Connection, LiveExchange } from './connection.ts';
import type { Connections } from './connections.ts';
import { type ErrorAnswer, errorAnswer, unexpectedError } from './error-answers.ts';
import { type AnswerHead, CLOSE, rawAnswer } from './raw-answer.ts';

/** Answers up to this size are always given, also where memory runs short. */
const SMALL_ANSWER_BYTES_MAX = 16_384;
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

const NONE: readonly string[] = [];

export interface ExchangeOptions {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly connection: Connection;
  readonly connections: Connections;
  /** The client waits for `100 Continue` before it sends its body. */
  readonly expectsContinue: boolean;
  readonly logger: Logger;
}

/** One request and its one answer: the first to answer wins, all later answers are dropped. */
export class Exchange implements LiveExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly safe: boolean;
  readonly expectsContinue: boolean;
  /** What becomes of the write if it is answered now; undefined for a read. */
  outcome: WriteOutcome | undefined;
  /** Added to whatever answer is given; names and values in turn. */
  extraHeaders: readonly string[] = [];
  bodyPending: boolean;
  answerBytes = 0;
  readonly #connection: Connection;
  readonly #connections: Connections;
  readonly #logger: Logger;
  readonly #onEnd: (() => void)[] = [];
  #answered = false;
  #closes = false;

  constructor(options: ExchangeOptions) {
    const { request, response } = options;
    this.request = request;
    this.response = response;
    this.method = request.method ?? '';
    this.safe = SAFE_METHODS.has(this.method);
    this.expectsContinue = options.expectsContinue;
    this.outcome = this.method === 'POST' || this.method === 'DELETE' ? 'not_written' : undefined;
    this.bodyPending = hasBody(request);
    this.#connection = options.connection;
    this.#connections = options.connections;
    this.#logger = options.logger;
    // Before the server's own listener: behind the last answer to a client that has closed its side it
    // ends the socket, and nothing more could be said there.
    response.prependListener('finish', () => {
      this.#connection.finished(this);
      this.#end();
    });
  }

  get answered(): boolean {
    return this.#answered || this.response.headersSent;
  }

  get whole(): boolean {
    return this.request.complete;
  }

  /** The connection is gone: nobody hears an answer. */
  get gone(): boolean {
    return this.#connection.closed;
  }

  /** Waits; no request behind this one is run meanwhile. */
  async holdUp(until: Promise<void>): Promise<void> {
    this.#connection.holdUp();
    await until;
    this.#connection.goOn();
  }

  json(status: number, headers: readonly string[], body: string): void {
    this.answer({ status, type: JSON_TYPE, headers, body });
  }

  answer(answer: {
    readonly status: number;
    readonly type: string;
    readonly headers: readonly string[];
    readonly body: string;
  }): void {
    if (this.answered || this.gone) return;
    const { status, type, headers, body } = answer;
    const { extraHeaders } = this;
    const length = Buffer.byteLength(body);
    try {
      this.requireRoom(length);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#answered = true;
    this.answerBytes = length;
    this.#connection.holdAnswer(length);
    const isLast = this.#isLast();
    const own = extraHeaders.length > 0 ? [...headers, ...extraHeaders] : headers;
    const head = { status, type, headers: own, length };
    if (!isLast && length <= SMALL_ANSWER_BYTES_MAX && this.#isPlain()) this.#write(head, body);
    else this.#respond(head, body, isLast);
    this.#connection.answered(this);
  }

  /** It is this answer's turn, on a connection that stays open, and nothing about it is unusual. */
  #isPlain(): boolean {
    const { request, response } = this;
    return (
      response.socket !== null &&
      response.shouldKeepAlive &&
      request.httpVersionMinor === 1 &&
      this.method !== 'HEAD'
    );
  }

  /**
   * Writes head and body at once, past the response, which would check each header, cork the socket and
   * write two pieces. When it says that it has finished, the server goes on with the connection.
   */
  #write({ status, type, headers, length }: AnswerHead, body: string): void {
    const { outbox, keepAlive } = this.#connections;
    const date = this.#connections.date();
    const text = rawAnswer({ status, type, headers, length, date, connection: keepAlive }, body);
    const encoding = length === body.length ? 'latin1' : 'utf8';
    outbox.add(() => {
      const { response } = this;
      response.socket?.write(text, encoding, (error) => {
        if (!error) response.emit('finish');
      });
    });
  }

  #respond({ status, type, headers, length }: AnswerHead, body: string, isLast: boolean): void {
    const { response } = this;
    response.writeHead(status, [
      ...['Content-Type', type, 'Cache-Control', 'no-store', 'Content-Length', String(length)],
      ...headers,
      ...this.#connectionHeaders(isLast),
    ]);
    // Bytes weigh what they are while they wait to be read, a text twice as much and more.
    const sent = length > SMALL_ANSWER_BYTES_MAX ? Buffer.from(body) : body;
    if (this.bodyPending) this.#endAfterLinger(sent);
    else response.end(sent);
  }

  /** The last headers: when it is, and what becomes of the connection. */
  #connectionHeaders(isLast: boolean): readonly string[] {
    if (isLast) return CLOSE;
    if (!this.response.shouldKeepAlive) return NONE;
    return ['Date', this.#connections.date(), ...this.#connections.keepAlive];
  }

  /** `overloaded` where an answer of so many bytes may not be held. */
  requireRoom(bytes: number): void {
    if (bytes <= SMALL_ANSWER_BYTES_MAX || this.#connections.makeRoom(bytes)) return;
    throw new ServiceError('overloaded', 'Too many answers wait for clients to read them');
  }

  /** 204: no body, and no headers that speak of one. */
  answerEmpty(headers: readonly string[]): void {
    if (this.answered || this.gone) return;
    this.#answered = true;
    this.response.writeHead(204, [
      ...['Cache-Control', 'no-store', ...headers, ...this.extraHeaders],
      ...this.#connectionHeaders(this.#isLast()),
    ]);
    this.response.end();
    this.#connection.answered(this);
  }

  fail(error: unknown): void {
    if (this.answered || this.gone) return;
    let told = error;
    if (!(told instanceof ServiceError)) {
      this.#logger.error({ method: this.method, err: error }, 'request failed');
      told = unexpectedError(error);
    }
    this.failWith(errorAnswer(told as ServiceError, this.outcome));
  }

  /** For a request after which the connection cannot be trusted. */
  failAndClose(answer: ErrorAnswer): void {
    this.#closes = true;
    this.failWith(answer);
  }

  failWith({ status, type = JSON_TYPE, headers, body }: ErrorAnswer): void {
    this.answer({ status, type, headers, body });
  }

  /** Headers that hold for any answer, for a handler that writes its own. */
  prepare(): void {
    this.response.setHeader('Cache-Control', 'no-store');
    for (let at = 0; at + 1 < this.extraHeaders.length; at += 2) {
      this.response.setHeader(this.extraHeaders[at] ?? '', this.extraHeaders[at + 1] ?? '');
    }
    const connection = this.#connectionHeaders(this.#isLast());
    for (let at = 0; at + 1 < connection.length; at += 2) {
      this.response.setHeader(connection[at] ?? '', connection[at + 1] ?? '');
    }
  }

  /** Called when the answer is sent or the connection is gone, whichever is first. */
  onEnd(callback: () => void): void {
    this.#onEnd.push(callback);
  }

  cut(fault: ErrorAnswer): void {
    if (this.answered) this.response.end();
    else this.failWith(fault);
  }

  abandon(): void {
    const message = 'This node is stopping';
    this.fail(
      this.outcome === undefined
        ? new ServiceError('not_yet', message)
        : new ServiceError('log_unavailable', message, { outcome: this.outcome }),
    );
  }

  drop(): void {
    this.#end();
  }

  /**
   * The answer is early, the client still sends: it gets the whole answer now, and what it sends is
   * thrown away for a while, for closing at once could reset the answer away.
   */
  #endAfterLinger(body: string | Buffer): void {
    const { request, response } = this;
    const end = () => {
      if (!response.writableEnded) response.end();
    };
    const { socket } = request;
    response.write(body);
    if (socket.readableEnded) {
      end();
      return;
    }
    const cancel = this.#connections.after(this.#connections.limits.lingerMs, end);
    request.once('end', end);
    socket.once('end', end);
    this.onEnd(() => {
      cancel();
      socket.off('end', end);
    });
    request.resume();
  }

  #isLast(): boolean {
    const closing = this.#connections.closing && this.#connection.isLatest(this);
    const last = this.#closes || this.bodyPending || closing || this.#losesWhatFollows();
    if (last) this.#connection.end(this);
    return last;
  }

  /**
   * Behind a request that asks for an upgrade the parser drops what came in the same piece: unless
   * surely nothing did, the client is told that nothing more is answered.
   */
  #losesWhatFollows(): boolean {
    const { headers } = this.request;
    if (headers.upgrade === undefined) return false;
    return this.#connection.bytesSinceIdle !== plainBytes(this.request);
  }

  #end(): void {
    for (const callback of this.#onEnd.splice(0)) callback();
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  if (headers['transfer-encoding'] !== undefined) return true;
  const length = headers['content-length'];
  return length !== undefined && length !== '0' && Number(length) !== 0;
}

/** How many bytes a request has that is written in the plainest way; NaN where it cannot be told. */
function plainBytes({ method, url, rawHeaders, headers }: IncomingMessage): number {
  if (headers['transfer-encoding'] !== undefined) return Number.NaN;
  const line = `${method} ${url} HTTP/1.1\r\n`;
  // Behind each name a colon and a space, behind each value an end of line; an empty line ends it.
  const fields = rawHeaders.reduce((sum, text) => sum + text.length + 2, 0);
  return line.length + fields + 2 + Number(headers['content-length'] ?? 0);
}
