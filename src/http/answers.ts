import { decodeUtf8 } from '../codec/utf8.ts';
import { type Entry, formatVersion } from '../entry.ts';
import type { ReadAnswer, WriteAnswer } from '../store/key-value-store.ts';

export const JSON_TYPE = 'application/json';
export const TEXT_TYPE = 'text/plain';

/** What does not stand for itself in JSON, of well-formed text: quotes, backslashes and controls. */
const ESCAPED = /[^ !#-[\]-\uffff]/;

/** Status, headers of our own (names and values in turn) and JSON of a read. */
export interface DataAnswer {
  readonly status: number;
  readonly headers: string[];
  readonly body: string;
}

export function readAnswer(key: string, answer: ReadAnswer): DataAnswer {
  const { entry } = answer;
  const headers = readHeaders(answer);
  switch (entry?.kind) {
    case 'live':
      return { status: 200, headers, body: liveBody(key, answer, entry) };
    case 'unreadable':
      return { status: 500, headers, body: unreadableBody(key, answer, entry) };
    default:
      return {
        status: 404,
        headers,
        body: `{"message":${JSON.stringify(`Key ${key} not found`)}}`,
      };
  }
}

export function writtenBody(key: string, { version, timestamp }: WriteAnswer): string {
  const text = formatVersion(version.partition, version.offset);
  return `{"key":${quoted(key)},"version":"${text}","timestamp":${timestamp}}`;
}

function readHeaders({ entry, partition, position, trust }: ReadAnswer): string[] {
  const headers: string[] = [];
  if (entry !== undefined) {
    // A peer of the original's kind names no offset: such an answer has no version.
    if (entry.offset >= 0) headers.push('Bitacora-Version', formatVersion(partition, entry.offset));
    headers.push('Bitacora-Timestamp', String(entry.timestamp));
    if (entry.kind === 'marker') headers.push('Bitacora-Deleted', 'true');
  }
  headers.push('Bitacora-Position', formatVersion(partition, position), 'Bitacora-Read', trust);
  return headers;
}

function liveBody(key: string, { partition, source }: ReadAnswer, entry: Entry): string {
  const text = decodeUtf8(entry.value);
  const value = text === undefined ? `"${entry.value.toString('base64')}"` : quoted(text);
  const encoding = text === undefined ? ',"encoding":"base64"' : '';
  const uuid = entry.offset >= 0 ? formatVersion(partition, entry.offset) : '';
  return `{"key":${quoted(key)},"value":${value},"timestamp":${entry.timestamp},"source":${source},"ttl":0,"uuid":"${uuid}"${encoding}}`;
}

/** Well-formed text as a JSON string. Looking for what must be escaped costs half of escaping. */
function quoted(text: string): string {
  return ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`;
}

function unreadableBody(key: string, { partition }: ReadAnswer, entry: Entry): string {
  const message = `The newest record of key ${key} (partition ${partition}, offset ${entry.offset}) cannot be read: ${entry.value.toString('utf8')}`;
  return JSON.stringify({ message, code: 'unreadable' });
}
