import { STATUS_CODES } from 'node:http';
import { JSON_TYPE } from './answers.ts';
import type { ErrorAnswer } from './error-answers.ts';

/** The bytes of an answer where no request is left to answer; the connection closes after it. */
export function rawAnswer(
  { status, type = JSON_TYPE, headers, body }: ErrorAnswer,
  nowMs: number,
): string {
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `Content-Type: ${type}`,
    'Cache-Control: no-store',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    lines.push(`${headers[at]}: ${headers[at + 1]}`);
  }
  lines.push(`Date: ${new Date(nowMs).toUTCString()}`, 'Connection: close', '', body);
  return lines.join('\r\n');
}
