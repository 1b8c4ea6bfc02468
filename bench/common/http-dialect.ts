import type { Dialect } from './load.ts';

const HEAD_END = '\r\n\r\n';
const LENGTH = 'Content-Length: ';
const STATUS_AT = 'HTTP/1.1 '.length;

/** HTTP/1.1 with keep-alive; an answer of another status than `status` ends the load. */
export function httpDialect(status: number, request: (n: number) => string): Dialect {
  return {
    request,
    answerBytes: (bytes, at) => {
      const end = bytes.indexOf(HEAD_END, at, 'latin1');
      if (end < 0) return undefined;
      const head = bytes.toString('latin1', at, end);
      if (head.slice(STATUS_AT, STATUS_AT + 3) !== String(status)) {
        throw new Error(`${status} was expected: ${bytes.toString('utf8', at)}`);
      }
      const length = head.indexOf(LENGTH);
      if (length < 0) throw new Error(`no Content-Length: ${head}`);
      return (
        head.length + HEAD_END.length + Number.parseInt(head.slice(length + LENGTH.length), 10)
      );
    },
  };
}

export function getRequest(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
}

export function postRequest(path: string, type: string, body: string): string {
  const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${type}\r\n`;
  return `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
