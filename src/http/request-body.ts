import { NO_BYTES } from '../entry.ts';
import { ServiceError } from '../errors.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { Exchange } from './exchange.ts';

/** First room for a body that comes in pieces; doubled when full. */
const FIRST_ROOM_BYTES = 16_384;
/** Rooms up to this size come from Node's pool. */
const POOLED_BYTES_MAX = 1_024;

/**
 * Receives a body to its end, telling a client that waits for it to go on.
 * @param budget what is kept is counted here until the request is answered; undefined: nothing is kept
 * @throws ServiceError `too_large`, as soon as it is known; `overloaded`.
 * Never settles where the body breaks off: its connection answers then, if anybody still hears it.
 */
export function receiveBody(
  exchange: Exchange,
  bytesMax: number,
  budget: ByteBudget | undefined,
): Promise<Buffer> {
  const { request } = exchange;
  if (!exchange.bodyPending) return Promise.resolve(NO_BYTES);
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > bytesMax) return Promise.reject(tooLarge(bytesMax));
  if (exchange.expectsContinue) exchange.response.writeContinue();

  return new Promise((resolve, reject) => {
    const kept = new Kept(budget, announced > 0 ? announced : bytesMax);
    exchange.onEnd(() => kept.release());
    let received = 0;
    const onData = (piece: Buffer) => {
      received += piece.length;
      if (received > bytesMax) return stop(tooLarge(bytesMax));
      if (budget !== undefined && !kept.add(piece)) {
        const message = 'Too many bodies are being received';
        stop(new ServiceError('overloaded', message, { outcome: 'not_written' }));
      }
    };
    const stop = (error: Error) => {
      request.off('data', onData);
      request.off('end', onEnd);
      kept.release();
      reject(error);
    };
    const onEnd = () => {
      exchange.bodyPending = false;
      resolve(kept.bytes());
    };
    request.on('data', onData);
    request.once('end', onEnd);
    request.once('error', () => {});
  });
}

function tooLarge(bytesMax: number): ServiceError {
  return new ServiceError('too_large', `The body is larger than ${bytesMax} bytes`);
}

/** Bytes that came in pieces, in one buffer: many tiny pieces weigh far more than their bytes. */
class Kept {
  readonly #budget: ByteBudget | undefined;
  readonly #bytesMax: number;
  #room = NO_BYTES;
  #length = 0;

  constructor(budget: ByteBudget | undefined, bytesMax: number) {
    this.#budget = budget;
    this.#bytesMax = bytesMax;
  }

  /** false where there is no room for it. */
  add(piece: Buffer): boolean {
    const needed = this.#length + piece.length;
    if (needed > this.#room.length && !this.#grow(needed)) return false;
    piece.copy(this.#room, this.#length);
    this.#length = needed;
    return true;
  }

  bytes(): Buffer {
    return this.#room.subarray(0, this.#length);
  }

  release(): void {
    this.#budget?.give(this.#room.length);
    this.#room = NO_BYTES;
    this.#length = 0;
  }

  #grow(needed: number): boolean {
    const wished = Math.max(this.#room.length * 2, FIRST_ROOM_BYTES);
    const size = Math.max(needed, Math.min(wished, this.#bytesMax));
    const more = size - this.#room.length;
    if (this.#budget !== undefined && !this.#budget.take(more)) return false;
    // Small ones share a slab: one of its own costs as much as the rest of receiving it.
    const room = size <= POOLED_BYTES_MAX ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(size);
    this.#room.copy(room, 0, 0, this.#length);
    this.#room = room;
    return true;
  }
}
