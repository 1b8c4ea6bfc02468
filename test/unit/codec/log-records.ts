import type { LogHeader, LogRecord } from '../../../src/record.ts';

/** A record as the log's reader gives it, with what the test cares about. */
export function logRecord(given: Partial<LogRecord>): LogRecord {
  return {
    partition: 0,
    offset: 7,
    timestamp: 1_700_000_000_000,
    key: Buffer.from('key'),
    value: Buffer.from('value'),
    headers: [],
    ...given,
  };
}

export function header(name: string, value: string | Buffer): LogHeader {
  return { name, value: Buffer.from(value) };
}
