import { messageOf } from '../../errors.ts';
import { StorageError, type StorageErrorKind } from '../storage.ts';

const KINDS: readonly (readonly [StorageErrorKind, RegExp])[] = [
  ['locked', /\block hold by current process|While lock file/i],
  ['full', /no space left|disk quota|file too large|NoSpace|SpaceLimit|max allowed space/i],
  [
    'corrupt',
    /^Corruption|corrupt|checksum mismatch|bad magic|No such file or directory|Is a directory/i,
  ],
];

const UNREADABLE = /While (p?read|open)[^:]*:.*Input\/output error/i;

/** The engine has no codes, only its texts. */
export function rocksError(what: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const text = messageOf(error);
  const named = KINDS.find(([, form]) => form.test(text))?.[0] ?? 'other';
  // What cannot be read any more is lost as well; what cannot be written may be another time.
  const kind = named === 'other' && UNREADABLE.test(text) ? 'corrupt' : named;
  return new StorageError(`${what}: ${text}`, error, kind);
}
