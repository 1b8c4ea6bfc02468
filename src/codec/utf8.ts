import { isUtf8 } from 'node:buffer';
import { ServiceError } from '../errors.ts';

/** The text of well-formed UTF-8, or undefined: ill-formed bytes are never repaired. */
export function decodeUtf8(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

/** Refuses a key that could not come back as the same bytes. `bad_key`. */
export function requireKey(key: string): void {
  if (key === '') throw new ServiceError('bad_key', 'The key is empty');
  if (!key.isWellFormed()) throw new ServiceError('bad_key', 'The key is not well-formed Unicode');
}
