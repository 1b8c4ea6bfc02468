import { STATUS_CODES } from 'node:http';

/** What an answer says of itself. */
export interface AnswerHead {
  readonly status: number;
  readonly type: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** Bytes of the body. */
  readonly length: number;
}

/** The head of an answer that is written to the socket as it is. */
export interface RawHead extends AnswerHead {
  /** As `HttpDates` gives it. */
  readonly date: string;
  /** Headers about the connection, as `headers`. */
  readonly connection: readonly string[];
}

export const CLOSE: readonly string[] = ['Connection', 'close'];

/** An answer as it goes over the wire. Neither names nor values may come from outside unchecked. */
export function rawAnswer(head: RawHead, body: string): string {
  const { status, type, headers, length, date, connection } = head;
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${type}\r\n` +
    `Cache-Control: no-store\r\nContent-Length: ${length}\r\n` +
    `${lines(headers)}Date: ${date}\r\n${lines(connection)}\r\n${body}`
  );
}

function lines(headers: readonly string[]): string {
  let text = '';
  for (let at = 0; at + 1 < headers.length; at += 2) {
    text += `${headers[at]}: ${headers[at + 1]}\r\n`;
  }
  return text;
}

/** `Date` headers, made once a second. */
export class HttpDates {
  readonly #now: () => number;
  #second = Number.NaN;
  #text = '';

  /** @param now wall ms */
  constructor(now: () => number) {
    this.#now = now;
  }

  now(): string {
    const ms = this.#now();
    const second = Math.floor(ms / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(ms).toUTCString();
    }
    return this.#text;
  }
}
