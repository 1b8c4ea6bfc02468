import { messageOf } from '../errors.ts';
import { StorageError, type StorageErrorKind } from './storage.ts';

const KINDS: readonly (readonly [StorageErrorKind, RegExp])[] = [
  ['locked', /\block hold by current process|While lock file/i],
  ['full', /no space left|disk quota|file too large|NoSpace|SpaceLimit|max allowed space/i],
  ['corrupt', /^Corruption|corrupt|checksum mismatch|bad magic|No such file or directory/i],
];

/** The engine has no codes, only its texts. */
export function rocksError(what: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const text = messageOf(error);
  const kind = KINDS.find(([, form]) => form.test(text))?.[0] ?? 'other';
  return new StorageError(`${what}: ${text}`, error, kind);
}

export function closedError(): StorageError {
  return new StorageError('the storage is closed', undefined, 'closed');
}
