import { Pool } from 'undici';
import type { Clock } from '../clock.ts';
import { systemClock } from '../system-clock.ts';
import { AllowedPeers } from './allowed-peers.ts';
import { parseAnswer, type RawAnswer } from './parse-answer.ts';
import { originOf } from './peer-address.ts';
import { PeerQuestion } from './peer-question.ts';
import type { PeerAnswer, PeerTransport } from './peer-transport.ts';

export interface HttpPeerTransportOptions {
  readonly valueBytesMax: number;
  /** Who may be asked; unless given, everybody. */
  readonly allowed?: AllowedPeers;
  readonly clock?: Clock;
}

interface PeerPool {
  readonly pool: Pool;
  usedAt: number;
}

const CONNECTIONS_MAX = 8;
export const POOLS_MAX = 64;
/** A peer that was not asked for so long has left, or we are fresh again. */
const POOL_IDLE_MS = 60_000;
const CONNECT_MS_MAX = 1_000;
const KEEP_ALIVE_MS = 30_000;

const HEADERS = { accept: 'application/json' };

/** `\u0001` stands for one byte: no form of a value or key takes more. */
const JSON_BYTES_PER_BYTE_MAX = 6;
/** Names, numbers, a reason: everything in an answer but the key and the value. */
const ANSWER_FRAME_BYTES = 8 * 1_024;
/** Bodies under way from all peers together, at least one of the largest size. */
const HELD_BYTES_MAX = 256 * 1_024 * 1_024;

/** Asks peers over HTTP, with a pool of connections for each. */
export class HttpPeerTransport implements PeerTransport {
  readonly #valueBytesMax: number;
  readonly #allowed: AllowedPeers;
  readonly #clock: Clock;
  /** By address; the one longest unused first. */
  readonly #pools = new Map<string, PeerPool>();
  #heldBytes = 0;
  #closed = false;

  private constructor({
    valueBytesMax,
    allowed = new AllowedPeers([]),
    clock = systemClock,
  }: HttpPeerTransportOptions) {
    this.#valueBytesMax = valueBytesMax;
    this.#allowed = allowed;
    this.#clock = clock;
  }

  /** Connects to nobody yet. */
  static open(options: HttpPeerTransportOptions): HttpPeerTransport {
    return new HttpPeerTransport(options);
  }

  /** Pools that are open. */
  get pools(): number {
    return this.#pools.size;
  }

  async ask(request: Parameters<PeerTransport['ask']>[0]): Promise<PeerAnswer> {
    const { http, key, partition, timeoutMs } = request;
    const pool = this.#poolOf(http);
    const bodyBytesMax =
      JSON_BYTES_PER_BYTE_MAX * (this.#valueBytesMax + Buffer.byteLength(key)) + ANSWER_FRAME_BYTES;
    const heldBytesMax = Math.max(HELD_BYTES_MAX, bodyBytesMax);
    const hold = (bytes: number) => {
      this.#heldBytes += bytes;
      if (this.#heldBytes > heldBytesMax) throw new Error('too much is being received');
    };
    const release = (bytes: number) => {
      this.#heldBytes -= bytes;
    };
    let cancel = () => {};
    const answer = await new Promise<RawAnswer>((resolve, reject) => {
      const question = new PeerQuestion({ bodyBytesMax, hold, release, resolve, reject });
      cancel = this.#clock.after(timeoutMs, () => question.abort(new Error('no answer in time')));
      const path = `/rpc/cluster?key=${encodeURIComponent(key)}`;
      pool.dispatch({ method: 'GET', path, headers: HEADERS }, question);
    }).finally(() => cancel());
    return parseAnswer(answer, { key, partition });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map(({ pool }) => pool.destroy()));
  }

  #poolOf(address: string): Pool {
    if (this.#closed) throw new Error('closed');
    const now = this.#clock.monotonic();
    const known = this.#pools.get(address);
    const pool = known?.pool ?? this.#open(address);
    this.#pools.delete(address);
    this.#pools.set(address, { pool, usedAt: now });
    this.#closeUnused(now);
    return pool;
  }

  #open(address: string): Pool {
    const origin = originOf(address);
    if (origin === undefined) throw new Error('the address is not of the form host:port');
    if (!this.#allowed.allows(address)) throw new Error('PEER_ALLOW does not name it');
    return new Pool(origin, {
      connections: CONNECTIONS_MAX,
      connectTimeout: CONNECT_MS_MAX,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
    });
  }

  #closeUnused(now: number): void {
    for (const [address, { pool, usedAt }] of this.#pools) {
      if (this.#pools.size <= POOLS_MAX && now - usedAt < POOL_IDLE_MS) return;
      this.#pools.delete(address);
      // What it still has under way ends within its own deadline.
      pool.close().catch(() => {});
    }
  }
}
