import { decodeUtf8 } from '../codec/utf8.ts';
import { type Entry, type EntryKind, formatVersion, NO_BYTES, parseVersion } from '../entry.ts';
import type { PeerAnswer } from './peer-transport.ts';

/** An answer of `GET /rpc/cluster` as it came. Header names in lower case. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

export interface Asked {
  readonly key: string;
  readonly partition: number;
}

export class MalformedAnswerError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MalformedAnswerError';
  }
}

const LOG_ID_FORM = /^[\x21-\x7e]{1,512}$/;
const LATIN1_TYPE = /;\s*charset=iso-8859-1/i;
const TIMESTAMP_FORM = /^(0|-?[1-9]\d{0,15})$/;

/** @throws MalformedAnswerError on all that no node would say to this question */
export function parseAnswer(answer: RawAnswer, asked: Asked): PeerAnswer {
  if (header(answer, 'bitacora-read') === undefined) return parseJavaAnswer(answer, asked);
  const log = header(answer, 'bitacora-log');
  if (log === undefined) return nothingYet(answer);
  if (!LOG_ID_FORM.test(log)) throw new MalformedAnswerError('a log’s id of strange characters');
  return {
    log,
    position: offsetOf(answer, 'bitacora-position', asked.partition),
    final: isFinal(answer),
    entry: entryOf(answer, asked),
  };
}

/** A node that has not met its log: it does not know the key's partition, and has nothing. */
function nothingYet(answer: RawAnswer): PeerAnswer {
  if (answer.status !== 404) throw new MalformedAnswerError('data of no log');
  return { log: undefined, position: undefined, final: false, entry: undefined };
}

function isFinal(answer: RawAnswer): boolean {
  const read = header(answer, 'bitacora-read');
  if (read === 'final' || read === 'behind') return read === 'final';
  throw new MalformedAnswerError('it is neither final nor behind');
}

function entryOf(answer: RawAnswer, asked: Asked): Entry | undefined {
  switch (answer.status) {
    case 200: {
      const { offset, timestamp } = versionOf(answer, asked);
      const fields = parseFields(answer, asked);
      const version = formatVersion(asked.partition, offset);
      if (fields.uuid !== version || fields.timestamp !== timestamp) {
        throw new MalformedAnswerError('headers and body tell different versions');
      }
      return { kind: 'live', offset, timestamp, value: fields.value };
    }
    case 404:
      if (header(answer, 'bitacora-deleted') !== undefined) {
        return entry('marker', answer, asked, NO_BYTES);
      }
      if (header(answer, 'bitacora-version') === undefined) return undefined;
      throw new MalformedAnswerError('a version of nothing');
    case 500: {
      const { code, message } = parseJson(answer);
      if (code !== 'unreadable' || typeof message !== 'string') {
        throw new MalformedAnswerError('the peer failed');
      }
      const { offset } = versionOf(answer, asked);
      return entry('unreadable', answer, asked, Buffer.from(reasonOf(message, asked, offset)));
    }
    default:
      throw new MalformedAnswerError(`status ${answer.status}`);
  }
}

function entry(kind: EntryKind, answer: RawAnswer, asked: Asked, value: Buffer): Entry {
  return { kind, ...versionOf(answer, asked), value };
}

function versionOf(answer: RawAnswer, { partition }: Asked): { offset: number; timestamp: number } {
  const text = header(answer, 'bitacora-timestamp') ?? '';
  const timestamp = Number(text);
  if (!TIMESTAMP_FORM.test(text) || !Number.isSafeInteger(timestamp)) {
    throw new MalformedAnswerError('no timestamp');
  }
  return { offset: offsetOf(answer, 'bitacora-version', partition), timestamp };
}

/** The offset in a header of the form `<partition>:<offset>`. */
function offsetOf(answer: RawAnswer, name: string, partition: number): number {
  const version = parseVersion(header(answer, name) ?? '');
  if (version === undefined) throw new MalformedAnswerError(`no ${name}`);
  if (version.partition !== partition) {
    throw new MalformedAnswerError(`${name} of partition ${version.partition}, not ${partition}`);
  }
  return version.offset;
}

/** The peer puts a sentence around the reason; passed on, it would be put around once more. */
function reasonOf(message: string, { key, partition }: Asked, offset: number): string {
  const start = `The newest record of key ${key} (partition ${partition}, offset ${offset}) cannot be read: `;
  return message.startsWith(start) ? message.slice(start.length) : message;
}

function parseJavaAnswer(answer: RawAnswer, asked: Asked): PeerAnswer {
  const nothing = { log: undefined, position: undefined, final: false };
  if (answer.status === 404) return { ...nothing, entry: undefined };
  if (answer.status !== 200) throw new MalformedAnswerError(`status ${answer.status}`);
  // It writes ? for what Latin-1 lacks: the value may be another, so it tells nothing.
  if (isLatin1(answer) && answer.body.includes('?')) return { ...nothing, entry: undefined };
  const { timestamp, value } = parseFields(answer, asked);
  return { ...nothing, entry: { kind: 'live', offset: -1, timestamp, value } };
}

interface Fields {
  readonly value: Buffer;
  readonly timestamp: number;
  readonly uuid: string;
}

function parseFields(answer: RawAnswer, asked: Asked): Fields {
  const { key, value, timestamp, source, ttl, uuid, encoding } = parseJson(answer);
  if (key !== asked.key) throw new MalformedAnswerError('another key');
  if (
    typeof value !== 'string' ||
    typeof timestamp !== 'number' ||
    !Number.isSafeInteger(timestamp) ||
    typeof source !== 'number' ||
    typeof ttl !== 'number' ||
    typeof uuid !== 'string'
  ) {
    throw new MalformedAnswerError('a field of an entry is missing or of another type');
  }
  return { value: bytesOfValue(value, encoding), timestamp, uuid };
}

function bytesOfValue(text: string, encoding: unknown): Buffer {
  if (encoding === undefined && text.isWellFormed()) return Buffer.from(text);
  if (encoding === 'base64') {
    const bytes = Buffer.from(text, 'base64');
    if (bytes.toString('base64') === text) return bytes;
  }
  throw new MalformedAnswerError('a value that is not encoded as it says');
}

function parseJson(answer: RawAnswer): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(textOf(answer));
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      return parsed as Readonly<Record<string, unknown>>;
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new MalformedAnswerError('a body that is no JSON object');
}

function textOf(answer: RawAnswer): string {
  const text = isLatin1(answer) ? answer.body.toString('latin1') : decodeUtf8(answer.body);
  if (text === undefined) throw new MalformedAnswerError('a body that is not UTF-8');
  return text;
}

/** As the original's nodes answer. */
function isLatin1(answer: RawAnswer): boolean {
  return LATIN1_TYPE.test(header(answer, 'content-type') ?? '');
}

function header({ headers }: RawAnswer, name: string): string | undefined {
  const value = headers[name];
  if (value === undefined || typeof value === 'string') return value;
  throw new MalformedAnswerError(`${name} more than once`);
}
