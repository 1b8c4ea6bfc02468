import { decodeUtf8 } from '../codec/utf8.ts';
import { parseVersion, type Version } from '../entry.ts';
import { ServiceError } from '../errors.ts';

type ParameterName = 'key' | 'value' | 'after';

interface Parameter {
  /** One character per byte, still encoded. */
  readonly raw: string;
  readonly repeated: boolean;
}

/** The parameters that mean something to us, of a query or of a form. */
export type Parameters = Partial<Record<ParameterName, Parameter>>;

const ENCODED = /[%+\x80-\xff]/;

/** @param text `name=value&…`, one character per byte; unknown names are passed over */
export function parseParameters(text: string): Parameters {
  const found: Parameters = {};
  for (let at = 0; at < text.length; ) {
    let end = text.indexOf('&', at);
    if (end < 0) end = text.length;
    const mark = text.indexOf('=', at);
    const nameEnd = mark < 0 || mark > end ? end : mark;
    const name = parameterName(text.slice(at, nameEnd));
    if (name !== undefined) {
      found[name] = { raw: text.slice(nameEnd + 1, end), repeated: found[name] !== undefined };
    }
    at = end + 1;
  }
  return found;
}

function parameterName(raw: string): ParameterName | undefined {
  const name = ENCODED.test(raw) ? decodeBytes(raw)?.toString('latin1') : raw;
  return name === 'key' || name === 'value' || name === 'after' ? name : undefined;
}

/** The key, or undefined where none is named. `bad_key`. */
export function keyOf({ key }: Parameters): string | undefined {
  if (key === undefined) return undefined;
  if (key.repeated) throw new ServiceError('bad_key', 'The key is given more than once');
  const text = ENCODED.test(key.raw) ? decodeText(key.raw) : key.raw;
  if (text === undefined) {
    throw new ServiceError('bad_key', 'The key is not well-formed percent-encoded UTF-8');
  }
  return text;
}

/** The value's bytes, or undefined where none is named. `bad_value`. */
export function valueBytesOf({ value }: Parameters): Buffer | undefined {
  if (value === undefined) return undefined;
  if (value.repeated) throw new ServiceError('bad_value', 'The value is given more than once');
  const bytes = decodeBytes(value.raw);
  if (bytes === undefined || decodeUtf8(bytes) === undefined) {
    throw new ServiceError(
      'bad_value',
      'The value is not well-formed percent-encoded UTF-8: send bytes as a body of type application/octet-stream',
    );
  }
  return bytes;
}

/**
 * The version that a read waits for, or undefined.
 * @param header what stands in `Bitacora-After`
 * @throws ServiceError `bad_version`
 */
export function afterOf(
  { after }: Parameters,
  header: string | string[] | undefined,
): Version | undefined {
  if (after === undefined && header === undefined) return undefined;
  const once = after === undefined || (!after.repeated && header === undefined);
  const text = after === undefined ? String(header) : decodeText(after.raw);
  const version = once && text !== undefined ? parseVersion(text) : undefined;
  if (version === undefined) {
    throw new ServiceError(
      'bad_version',
      'Expected one version <partition>:<offset> in Bitacora-After or after=',
    );
  }
  return version;
}

function decodeText(raw: string): string | undefined {
  const bytes = decodeBytes(raw);
  return bytes === undefined ? undefined : decodeUtf8(bytes);
}

const PERCENT = 0x25;
const PLUS = 0x2b;
const SPACE = 0x20;

/** Undoes percent-encoding, `+` is a space; undefined where a `%` is not followed by two digits. */
function decodeBytes(raw: string): Buffer | undefined {
  const bytes = Buffer.from(raw, 'latin1');
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    let byte = bytes[at] ?? 0;
    if (byte === PLUS) byte = SPACE;
    else if (byte === PERCENT) {
      const high = hexDigit(bytes[at + 1]);
      const low = hexDigit(bytes[at + 2]);
      if (high < 0 || low < 0) return undefined;
      byte = high * 16 + low;
      at += 2;
    }
    bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
