import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  readonly text: string;
}

/** A client that sends bytes as they are and shows the bytes that come back. */
export class RawHttp {
  readonly socket: Socket;
  #room: Buffer = Buffer.alloc(65_536);
  #length = 0;
  readonly #answers: RawAnswer[] = [];
  #parsedTo = 0;
  #closed = false;
  #wake: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (piece) => {
      this.#keep(piece);
      this.#tell();
    });
    socket.on('end', () => this.#tell());
    socket.on('close', () => {
      this.#closed = true;
      this.#tell();
    });
  }

  static async connect(port: number, host = '127.0.0.1'): Promise<RawHttp> {
    const socket = connect({ port, host, allowHalfOpen: true, noDelay: true });
    const client = new RawHttp(socket);
    await once(socket, 'connect');
    return client;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get received(): Buffer {
    return this.#room.subarray(0, this.#length);
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** The first `count` answers, once they are whole; fails when the connection closes before. */
  async answers(count: number, { head = false } = {}): Promise<RawAnswer[]> {
    for (;;) {
      const { answers, end } = takeAnswers(this.received, this.#parsedTo, head);
      this.#parsedTo = end;
      this.#answers.push(...answers);
      if (this.#answers.length >= count) return this.#answers.slice(0, count);
      if (this.#closed || this.socket.readableEnded) {
        const rest = this.received.subarray(end);
        throw new Error(`closed after ${this.#answers.length} of ${count} answers: ${rest}`);
      }
      await this.#more();
    }
  }

  /** All that was received when the server has closed, or has sent its last byte. */
  async untilClosed(): Promise<Buffer> {
    while (!this.#closed && !this.socket.readableEnded) await this.#more();
    this.socket.destroy();
    return this.received;
  }

  close(): void {
    this.socket.destroy();
  }

  #keep(piece: Buffer): void {
    const needed = this.#length + piece.length;
    if (needed > this.#room.length) {
      const room = Buffer.alloc(Math.max(needed, this.#room.length * 2));
      this.#room.copy(room);
      this.#room = room;
    }
    piece.copy(this.#room, this.#length);
    this.#length = needed;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #tell(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** Sends, closes its side, and reads to the end. */
export async function rawExchange(port: number, bytes: string | Buffer): Promise<Buffer> {
  const client = await RawHttp.connect(port);
  client.socket.end(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  return client.untilClosed();
}

/** One request with a connection of its own, and its answer. */
export async function rawRequest(
  port: number,
  line: string,
  { headers = [], body = '' }: { headers?: readonly string[]; body?: string | Buffer } = {},
): Promise<RawAnswer> {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
  const head = [`${line} HTTP/1.1`, 'Host: x', ...headers];
  if (bytes.length > 0) head.push(`Content-Length: ${bytes.length}`);
  const sent = Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), bytes]);
  const [answer] = parseAnswers(await rawExchange(port, sent), line.startsWith('HEAD '));
  if (answer === undefined) throw new Error(`no answer to ${line}`);
  return answer;
}

/** The whole answers in `bytes`; `head`: answers to HEAD, which have no bodies. */
export function parseAnswers(bytes: Buffer, head = false): RawAnswer[] {
  return takeAnswers(bytes, 0, head).answers;
}

function takeAnswers(
  bytes: Buffer,
  from: number,
  head: boolean,
): { readonly answers: RawAnswer[]; readonly end: number } {
  const answers: RawAnswer[] = [];
  for (let at = from; ; ) {
    const end = bytes.indexOf('\r\n\r\n', at);
    if (end < 0) return { answers, end: at };
    const [line = '', ...fields] = bytes.toString('latin1', at, end).split('\r\n');
    const status = Number(line.split(' ')[1]);
    const headers = new Map(
      fields.map((field) => {
        const mark = field.indexOf(':');
        return [field.slice(0, mark).toLowerCase(), field.slice(mark + 1).trim()] as const;
      }),
    );
    const empty = head || status < 200 || status === 204;
    const length = empty ? 0 : Number(headers.get('content-length') ?? 0);
    const next = end + 4 + length;
    if (next > bytes.length) return { answers, end: at };
    const body = bytes.subarray(end + 4, next);
    answers.push({ status, headers, body, text: body.toString('utf8') });
    at = next;
  }
}
