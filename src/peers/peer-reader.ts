import { withDeadline } from '../async.ts';
import type { Clock } from '../clock.ts';
import type { Member, Membership } from '../cluster/membership.ts';
import { messageOf } from '../errors.ts';
import { formatLogId } from '../log-identity.ts';
import type { Logger } from '../logger.ts';
import { KnownPeers } from './known-peers.ts';
import type { PeerAnswer, PeerTransport } from './peer-transport.ts';
import { isOf, type LocalState, type RankedAnswer, rankAnswers } from './rank-answers.ts';

export interface PeerReaderOptions {
  readonly transport: PeerTransport;
  readonly membership: Pick<Membership, 'kind' | 'members'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For all that one read asks, together. */
  readonly timeoutMs: number;
  readonly codec: 'raw' | 'avro';
  /** 0 ≤ n < 1. */
  readonly random: () => number;
  /** Told for each answer of our log: the peer has seen the partition up to this next offset. */
  readonly onPosition?: (partition: number, position: number) => void;
}

export interface PeerRead {
  readonly key: string;
  readonly partition: number;
  readonly local: LocalState;
  /** `<clusterId>/<topicId>`; undefined as long as this node has met no log. */
  readonly logId: string | undefined;
}

/** Peers that one read asks at once. */
export const PEERS_AT_ONCE_MAX = 3;
/**
 * How long a peer that was fresh a moment ago is waited for before others are asked beside it (a hedged
 * request: Dean and Barroso, The Tail at Scale, 2013). Its answer makes all others superfluous.
 */
export const HEDGE_AFTER_MS = 5;
/** Questions of all reads that wait for their answer. */
export const OUTBOUND_MAX = 256;

type Question = Pick<PeerRead, 'key' | 'partition'> & { readonly logId: string };

/**
 * Asks the other nodes where this one is not fresh. What they say is for the answer alone: nothing of
 * it is stored or cached.
 */
export class PeerReader {
  readonly #options: PeerReaderOptions;
  readonly #known: KnownPeers;
  /** What is being asked, so that equal keys share it. */
  readonly #flights = new Map<string, Promise<readonly PeerAnswer[]>>();
  #outbound = 0;

  constructor(options: PeerReaderOptions) {
    this.#options = options;
    this.#known = new KnownPeers(options.random);
  }

  /**
   * The newest state of a key among ours and the peers'. Never rejects, and takes no longer than
   * `timeoutMs`: where nobody knows better our own comes back as `behind`.
   */
  async read({ key, partition, local, logId }: PeerRead): Promise<RankedAnswer> {
    const answers = logId === undefined ? [] : await this.#ask({ key, partition, logId }, local);
    return rankAnswers({ local, answers, logId, hearsJava: this.#hearsJava });
  }

  get #hearsJava(): boolean {
    return this.#options.codec === 'avro';
  }

  #ask(question: Question, local: LocalState): Promise<readonly PeerAnswer[]> {
    const name = `${question.logId}\0${question.key}`;
    const underWay = this.#flights.get(name);
    if (underWay !== undefined) return underWay;
    const peers = this.#known.order(
      this.#candidates(question.logId),
      { partition: question.partition, position: local.position, width: PEERS_AT_ONCE_MAX },
      this.#options.clock.monotonic(),
    );
    const flight = this.#fly(question, peers).finally(() => this.#flights.delete(name));
    this.#flights.set(name, flight);
    return flight;
  }

  /** Members that may hold our log: of the others no answer could be used. */
  #candidates(logId: string): string[] {
    const members = this.#options.membership.members();
    const topic = members.find(({ self }) => self)?.info?.log.topic;
    const names = members.filter((member) => this.#holds(member, logId, topic));
    return [...new Set(names.map(({ http }) => http))];
  }

  #holds({ self, info }: Member, logId: string, topic: string | undefined): boolean {
    if (self) return false;
    if (this.#options.membership.kind === 'static') return true;
    if (info === undefined) return this.#hearsJava;
    const { clusterId, topicId, codec } = info.log;
    if (clusterId === null || topicId === null || codec !== this.#options.codec) return false;
    if (topic !== undefined && topic !== info.log.topic) return false;
    return formatLogId({ clusterId, topicId }) === logId;
  }

  /**
   * Answers of up to three peers, asked at once; one that fails makes room for the next. Where the best
   * of them was fresh a moment ago it is asked alone at first. Ends with the first fresh answer; what is
   * still out then only teaches where the peers stand.
   */
  #fly(question: Question, peers: string[]): Promise<readonly PeerAnswer[]> {
    const { clock, timeoutMs } = this.#options;
    const now = clock.monotonic();
    const until = now + timeoutMs;
    const answers: PeerAnswer[] = [];
    let out = 0;
    const best = this.#nextAllowed(peers);
    if (best !== undefined) peers.unshift(best);
    const alone = best !== undefined && this.#known.isFresh(best, question.partition, now);
    let width = alone ? 1 : PEERS_AT_ONCE_MAX;
    let cancelHedge = () => {};
    const flight = new Promise<readonly PeerAnswer[]>((resolve) => {
      const widen = () => {
        width = PEERS_AT_ONCE_MAX;
        next();
      };
      const next = () => {
        while (out + answers.length < width && this.#outbound < OUTBOUND_MAX) {
          const left = until - clock.monotonic();
          const peer = left > 0 ? this.#nextAllowed(peers) : undefined;
          if (peer === undefined) break;
          out++;
          void this.#askOne(peer, question, left).then((answer) => {
            out--;
            if (answer !== undefined) answers.push(answer);
            if (answer?.final) {
              peers.length = 0;
              resolve([...answers]);
            }
            widen();
          });
        }
        if (out === 0) resolve([...answers]);
      };
      if (alone) cancelHedge = clock.after(HEDGE_AFTER_MS, widen);
      next();
    });
    return alone ? flight.finally(() => cancelHedge()) : flight;
  }

  /** Takes the first that its breaker lets be asked now: other reads have asked since the ordering. */
  #nextAllowed(peers: string[]): string | undefined {
    const now = this.#options.clock.monotonic();
    for (let peer = peers.shift(); peer !== undefined; peer = peers.shift()) {
      if (this.#known.breaker(peer).allows(now)) return peer;
    }
    return undefined;
  }

  /** undefined where the peer failed, or answered from another log. */
  async #askOne(
    peer: string,
    { key, partition, logId }: Question,
    timeoutMs: number,
  ): Promise<PeerAnswer | undefined> {
    const { transport, clock, logger } = this.#options;
    const breaker = this.#known.breaker(peer);
    const trial = breaker.begin();
    this.#outbound++;
    try {
      const answer = await withDeadline(
        clock,
        transport.ask({ http: peer, key, partition, timeoutMs }),
        timeoutMs,
        () => {
          throw new Error('no answer in time');
        },
      );
      if (breaker.succeeded()) logger.info({ peer }, 'peer answers again');
      return this.#learn(peer, partition, answer, logId) ? answer : undefined;
    } catch (error) {
      const fields = { peer, reason: messageOf(error) };
      if (breaker.failed(clock.monotonic(), trial)) logger.warn(fields, 'peer is left alone');
      else logger.debug(fields, 'peer did not answer');
      return undefined;
    } finally {
      this.#outbound--;
    }
  }

  /** Notes where the peer stands; whether its answer is of use. */
  #learn(peer: string, partition: number, answer: PeerAnswer, logId: string): boolean {
    if (answer.log === undefined && this.#hearsJava) return true;
    const at = this.#options.clock.monotonic();
    if (!isOf(answer, logId)) {
      this.#known.saw(peer, partition, { position: -1, final: false, at });
      return false;
    }
    // The position was read before the look-up, which may have met a younger record.
    const position = Math.max(answer.position, (answer.entry?.offset ?? -1) + 1);
    this.#known.saw(peer, partition, { position, final: answer.final, at });
    this.#options.onPosition?.(partition, position);
    return true;
  }
}
