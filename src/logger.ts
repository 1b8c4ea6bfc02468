import type { Writable } from 'node:stream';
import { type DestinationStream, destination, type Logger as PinoLogger, pino } from 'pino';
import { PinoPretty } from 'pino-pretty';

/** Structured log: constant messages, varying fields. Values and secrets are never fields. */
export type Logger = Pick<
  PinoLogger,
  'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'child'
>;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** NDJSON on stderr, pretty on a terminal. Written synchronously: the last line before an exit counts. */
export function createLogger(level: LogLevel, pretty: boolean): Logger {
  const stream: DestinationStream | Writable = pretty
    ? PinoPretty({ destination: 2, sync: true, ignore: 'pid,hostname' })
    : destination({ fd: 2, sync: true });
  return pino({ level, base: { pid: process.pid } }, stream);
}
