import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { withDeadline } from '../async.ts';
import type { Clock } from '../clock.ts';
import { ServiceError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { KeyValueStore, NodeHealth } from '../store/key-value-store.ts';
import { TEXT_TYPE } from './answers.ts';
import { ByteBudget } from './byte-budget.ts';
import { Connections } from './connections.ts';
import { DataRoutes, type ReadScope } from './data-routes.ts';
import { type ErrorAnswer, errorAnswer, malformedAnswer } from './error-answers.ts';
import { Exchange } from './exchange.ts';
import { completeLimits, type GivenHttpLimits, HEAD_BYTES_MAX, type HttpLimits } from './limits.ts';
import { isPreflight, Origins, PREFLIGHT_HEADERS } from './origins.ts';
import { isAfterLast, type ParserFault, parserFaultAnswer } from './parser-faults.ts';
import { receiveBody } from './request-body.ts';
import { parseTarget } from './request-target.ts';
import { statusRoutes } from './status-routes.ts';

export interface HttpDoorOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly store: KeyValueStore;
  readonly health: NodeHealth;
  /** The document of `GET /status`. */
  readonly status: () => Promise<unknown> | unknown;
  readonly limits: GivenHttpLimits;
  readonly allowOrigins: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}

const BACKLOG = 1_024;
/** Where only some methods mean something. */
const OTHER_PATHS: ReadonlySet<string> = new Set(['/rpc', '/rpc/cluster', '/status']);
/** How long the last answers of a drain may take to leave. */
const FLUSH_MS = 500;

/** The HTTP API. The data routes are served here, the others by express (design §8, hot path). */
export class HttpDoor {
  readonly #server: Server;
  readonly #limits: HttpLimits;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #health: NodeHealth;
  readonly #origins: Origins;
  readonly #data: DataRoutes;
  readonly #others: RequestListener;
  readonly #connections: Connections;
  #address: { readonly address: string; readonly port: number } = { address: '', port: 0 };
  #closed: Promise<void> | undefined;

  private constructor(options: HttpDoorOptions) {
    const { store, status, clock } = options;
    const limits = completeLimits(options.limits);
    const logger = options.logger.child({ part: 'http' });
    this.#limits = limits;
    this.#clock = clock;
    this.#logger = logger;
    this.#health = options.health;
    this.#origins = new Origins(options.allowOrigins);
    this.#data = new DataRoutes({ store, limits, bodies: new ByteBudget(limits.bodiesBytesMax) });
    this.#others = statusRoutes({ status, logger });
    this.#connections = new Connections(limits, clock);
    this.#server = this.#createServer();
  }

  /** Listening when it resolves. Rejects where the port may not be had. */
  static async listen(options: HttpDoorOptions): Promise<HttpDoor> {
    const door = new HttpDoor(options);
    await new Promise<void>((resolve, reject) => {
      door.#server.once('error', reject);
      door.#server.listen({ host: options.host, port: options.port, backlog: BACKLOG }, () => {
        door.#server.off('error', reject);
        door.#address = door.#server.address() as AddressInfo;
        resolve();
      });
    });
    door.#server.on('error', (error) => door.#acceptFailed(error));
    door.#connections.watch();
    return door;
  }

  get port(): number {
    return this.#address.port;
  }

  /** The address that it is bound to. */
  get address(): string {
    return this.#address.address;
  }

  /** How many are open. */
  get connections(): number {
    return this.#connections.size;
  }

  /** No more connections; silent ones are closed, and each answer from now on closes its own. */
  stopAccepting(): void {
    if (this.#closed !== undefined) return;
    this.#connections.closing = true;
    this.#closed = new Promise((resolve) => this.#server.close(() => resolve()));
    this.#connections.closeResting();
  }

  /**
   * Waits for the requests under way; what is left after `deadlineMs` is answered with 503. Then
   * every connection is closed.
   */
  async drain(deadlineMs: number): Promise<void> {
    this.stopAccepting();
    const quiet = this.#connections.quiet();
    await withDeadline(this.#clock, quiet, deadlineMs, async () => {
      this.#logger.warn('requests left at the deadline of the drain are answered with 503');
      this.#connections.abandon();
      await withDeadline(this.#clock, quiet, FLUSH_MS, () => {});
    });
    await this.close();
  }

  /** Closes listener and connections at once. */
  async close(): Promise<void> {
    this.stopAccepting();
    this.#connections.closeAll();
    await this.#closed;
  }

  #createServer(): Server {
    const limits = this.#limits;
    const server = createServer({
      maxHeaderSize: HEAD_BYTES_MAX,
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: limits.checkEveryMs,
      // Silence is looked for by `Connections`.
      keepAliveTimeout: 0,
      // Asked for in #route, where the answer gets our headers.
      requireHostHeader: false,
    });
    // Called by `close`. The server's own takes an answer that was ended for one that was sent.
    server.closeIdleConnections = () => {};
    // 0: all headers are seen, an Origin behind a thousand others too. Their bytes are bounded.
    server.maxHeadersCount = 0;
    // A client that has sent all it wants and closes its side still gets its answers.
    Object.assign(server, { httpAllowHalfOpen: true });

    server.on('connection', (socket) => this.#connections.open(socket));
    server.on('request', (request, response) => this.#begin(request, response));
    server.on('checkContinue', (request, response) => this.#begin(request, response, true));
    server.on('checkExpectation', (request, response) => this.#begin(request, response));
    server.on('clientError', (fault: ParserFault, socket) => this.#parserFailed(fault, socket));
    server.on('connect', (_request, socket) => this.#refuseConnect(socket));
    server.on('timeout', (socket) => this.#connections.of(socket)?.silent());
    return server;
  }

  #begin(request: IncomingMessage, response: ServerResponse, expectsContinue = false): void {
    const connections = this.#connections;
    const connection = connections.of(request.socket);
    if (connection === undefined) return;
    const exchange = new Exchange({
      request,
      response,
      connection,
      connections,
      expectsContinue,
      logger: this.#logger,
    });
    connection.begin(exchange, () => {
      try {
        this.#admit(exchange)?.catch((error: unknown) => exchange.fail(error));
      } catch (error) {
        exchange.fail(error);
      }
    });
  }

  /** What concerns every request, whatever it asks for. Failures are thrown, at once or later. */
  #admit(exchange: Exchange): Promise<void> | undefined {
    const { request } = exchange;
    if (request.headers.host === undefined && request.httpVersion === '1.1') {
      exchange.failAndClose(malformedAnswer('The Host header is missing'));
      return undefined;
    }
    if (request.headers.expect !== undefined && !exchange.expectsContinue) {
      exchange.failAndClose(malformedAnswer('Only Expect: 100-continue can be met', 417));
      return undefined;
    }
    exchange.extraHeaders = this.#origins.admit(request);
    if (isPreflight(request)) {
      exchange.answerEmpty(PREFLIGHT_HEADERS);
      return undefined;
    }
    const { path, query } = parseTarget(request.url ?? '');
    if (path === '/rpc' && exchange.method === 'POST') return this.#data.put(exchange, query);
    if (!exchange.bodyPending) return this.#route(exchange, path, query);
    return this.#routeAfterBody(exchange, path, query);
  }

  /** A body that means nothing is thrown away first: only a whole request is acted upon. */
  async #routeAfterBody(exchange: Exchange, path: string, query: string): Promise<void> {
    await receiveBody(exchange, this.#limits.valueBytesMax, undefined);
    await this.#route(exchange, path, query);
  }

  #route(exchange: Exchange, path: string, query: string): Promise<void> | undefined {
    if (exchange.answered) return undefined;
    switch (path) {
      case '/rpc':
        if (exchange.method === 'DELETE') return this.#data.delete(exchange, query);
        return this.#read(exchange, query, 'cluster');
      case '/rpc/cluster':
        return this.#read(exchange, query, 'own');
      case '/health':
        this.#tellHealth(exchange);
        return undefined;
      default:
        exchange.prepare();
        // Express reads what does not begin with a slash as a whole URL, and fails at some.
        exchange.request.url = path.startsWith('/') ? path : `/${path}`;
        this.#others(exchange.request, exchange.response);
        return undefined;
    }
  }

  #read(exchange: Exchange, query: string, scope: ReadScope): Promise<void> | undefined {
    const { method } = exchange;
    if (method !== 'GET' && method !== 'HEAD') {
      throw new ServiceError('not_implemented', `The method ${method} is not implemented here`);
    }
    return this.#data.read(exchange, query, scope);
  }

  #tellHealth(exchange: Exchange): void {
    exchange.answer(this.#healthAnswer());
  }

  #healthAnswer() {
    const [status, body] = this.#health.healthy() ? [200, 'OK'] : [503, 'DOWN'];
    return { status, type: TEXT_TYPE, headers: [], body };
  }

  #unknownMethodAnswer(target: string): ErrorAnswer {
    const { path } = parseTarget(target);
    if (path === '/health') return this.#healthAnswer();
    const error = OTHER_PATHS.has(path)
      ? new ServiceError('not_implemented', 'This method is not implemented')
      : new ServiceError('not_found', 'There is nothing at this path');
    return errorAnswer(error, undefined);
  }

  #parserFailed(fault: ParserFault, socket: Duplex): void {
    if (isAfterLast(fault)) return;
    const connection = this.#connections.of(socket as Socket);
    const answer = parserFaultAnswer(fault, (target) => this.#unknownMethodAnswer(target));
    // A client that connects and never says a word gets no answer to a question it has not asked.
    const spoke = (socket as Socket).bytesRead > 0;
    if (connection === undefined || answer === undefined || !spoke) socket.destroy();
    else connection.fault(answer);
  }

  #refuseConnect(socket: Duplex): void {
    const error = new ServiceError('not_implemented', 'The method CONNECT is not implemented');
    this.#connections.of(socket as Socket)?.fault(errorAnswer(error, undefined));
  }

  /** Most likely there is no file descriptor left: the one silent longest makes room. */
  #acceptFailed(error: Error): void {
    this.#logger.warn({ err: error }, 'a connection could not be accepted');
    this.#connections.closeSilentLongest();
  }
}
