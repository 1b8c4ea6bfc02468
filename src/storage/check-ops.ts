import { StorageError, type StorageOp } from './storage.ts';

/** Refuses what no engine may see: the native one takes it silently, leaks or dies. */
export function checkOps(ops: readonly StorageOp[]): void {
  for (const op of ops) {
    checkKey(op.key);
    if (op.type === 'put') {
      if (!Buffer.isBuffer(op.value) || op.value.length === 0) {
        throw misuse('a stored value must be a Buffer of at least one byte');
      }
    } else if (op.type !== 'del') {
      throw misuse('a storage operation must be a put or a del');
    }
  }
}

export function checkKeys(keys: readonly Buffer[]): void {
  for (const key of keys) checkKey(key);
}

export function checkRange(range: {
  readonly gte: Buffer;
  readonly lt: Buffer;
  readonly limit?: number;
}): void {
  if (!Buffer.isBuffer(range.gte) || !Buffer.isBuffer(range.lt)) {
    throw misuse('the bounds of a range must be Buffers');
  }
  if (range.limit !== undefined && !(Number.isSafeInteger(range.limit) && range.limit >= 0)) {
    throw misuse('the limit of a range must be a whole number, not negative');
  }
}

function checkKey(key: Buffer): void {
  if (!Buffer.isBuffer(key) || key.length === 0) {
    throw misuse('a storage key must be a Buffer of at least one byte');
  }
}

function misuse(message: string): StorageError {
  return new StorageError(message, undefined, 'misuse');
}
