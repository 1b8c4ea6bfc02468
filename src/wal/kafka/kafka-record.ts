import type { Message } from 'node-rdkafka';
import type { LogHeader, LogRecord } from '../../record.ts';

const NO_HEADERS: readonly LogHeader[] = [];

/** A record of what the client hands over. The message itself is heavy and is not kept. */
export function recordOf(message: Message): LogRecord {
  return {
    partition: message.partition,
    offset: message.offset,
    timestamp: message.timestamp ?? -1,
    key: bytesOf(message.key),
    value: message.value,
    headers: message.headers === undefined ? NO_HEADERS : headersOf(message.headers),
  };
}

function headersOf(headers: NonNullable<Message['headers']>): readonly LogHeader[] {
  return headers.flatMap((header) =>
    Object.entries(header).map(([name, value]) => ({ name, value: Buffer.from(value) })),
  );
}

function bytesOf(key: Message['key']): Buffer | null {
  if (key === undefined || key === null) return null;
  return typeof key === 'string' ? Buffer.from(key) : key;
}
