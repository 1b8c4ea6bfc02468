import { isUtf8 } from 'node:buffer';
import { ServiceError } from '../errors.ts';

/** Up to here a loop that meets ASCII only is faster than a call. */
const LOOPED_MAX = 64;

/** Whether bytes are the UTF-8 of some text. */
export function isWellFormedUtf8(bytes: Uint8Array): boolean {
  const { length } = bytes;
  if (length > LOOPED_MAX) return isUtf8(bytes);
  for (let i = 0; i < length; i++) {
    if ((bytes[i] as number) > 0x7f) return isUtf8(bytes);
  }
  return true;
}

/** The text of well-formed UTF-8, or undefined: ill-formed bytes are never repaired. */
export function decodeUtf8(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

/** Refuses a key that could not come back as the same bytes. `bad_key`. */
export function requireKey(key: string): void {
  if (key === '') throw new ServiceError('bad_key', 'The key is empty');
  if (!key.isWellFormed()) throw new ServiceError('bad_key', 'The key is not well-formed Unicode');
}
