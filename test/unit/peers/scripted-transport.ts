import { setImmediate as turn } from 'node:timers/promises';
import { type Deferred, deferred } from '../../../src/async.ts';
import type { Member, Membership } from '../../../src/cluster/membership.ts';
import { PeerReader, type PeerReaderOptions } from '../../../src/peers/peer-reader.ts';
import type { PeerAnswer, PeerTransport } from '../../../src/peers/peer-transport.ts';
import type { RankedAnswer } from '../../../src/peers/rank-answers.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';
import { silentLogger } from '../../helpers/silent-logger.ts';
import { LOG } from './entries.ts';

type Request = Parameters<PeerTransport['ask']>[0];

interface Question extends Request {
  readonly reply: Deferred<PeerAnswer>;
}

/** A transport whose answers the test gives, when it wants to. */
export class ScriptedTransport implements PeerTransport {
  readonly asked: Question[] = [];
  #waiting: Question[] = [];

  /** Peers asked that were not answered yet. */
  get waiting(): string[] {
    return this.#waiting.map(({ http }) => http);
  }

  ask(request: Request): Promise<PeerAnswer> {
    const question = { ...request, reply: deferred<PeerAnswer>() };
    this.asked.push(question);
    this.#waiting.push(question);
    return question.reply.promise;
  }

  async answer(http: string, answer: PeerAnswer): Promise<void> {
    this.#take(http).reply.resolve(answer);
    await turn();
  }

  async fail(http: string): Promise<void> {
    this.#take(http).reply.reject(new Error('refused'));
    await turn();
  }

  async close(): Promise<void> {}

  #take(http: string): Question {
    const question = this.#waiting.find((each) => each.http === http);
    if (question === undefined) throw new Error(`${http} was not asked`);
    this.#waiting = this.#waiting.filter((each) => each !== question);
    return question;
  }
}

const [CLUSTER_ID = '', TOPIC_ID = ''] = LOG.split('/');

/** A member that shows our log, or what the test says. */
export function member(
  http: string,
  log: Partial<NonNullable<Member['info']>['log']> = {},
  self = false,
): Member {
  const ours = {
    clusterId: CLUSTER_ID,
    topicId: TOPIC_ID,
    topic: 't',
    partitions: 4,
    codec: 'raw',
  };
  const own = { id: http, instance: http, version: '0', http, rpc: http, startedAt: 0 };
  return { http, self, info: { ...own, log: { ...ours, ...log } } };
}

/** A member that says nothing of itself. */
export function silentMember(http: string): Member {
  return { http, self: false, info: undefined };
}

export const TIMEOUT_MS = 60;

/** A reader among scripted peers: ourselves and those named. */
export class ReaderStand {
  readonly clock = new ManualClock();
  readonly transport = new ScriptedTransport();
  members: Member[];
  readonly positions: (readonly [partition: number, position: number])[] = [];
  readonly reader: PeerReader;

  constructor(
    peers: readonly (string | Member)[],
    given: Partial<Pick<PeerReaderOptions, 'codec' | 'random'>> & {
      kind?: Membership['kind'];
    } = {},
  ) {
    const others = peers.map((each) => (typeof each === 'string' ? member(each) : each));
    this.members = [member('self', {}, true), ...others];
    this.reader = new PeerReader({
      transport: this.transport,
      membership: { kind: given.kind ?? 'zookeeper', members: () => this.members },
      clock: this.clock,
      logger: silentLogger,
      timeoutMs: TIMEOUT_MS,
      codec: given.codec ?? 'raw',
      random: given.random ?? (() => 0),
      onPosition: (partition, position) => this.positions.push([partition, position]),
    });
  }

  /** Begins a read of a key that we do not have, at position 10 of partition 2. */
  read(given: Partial<Parameters<PeerReader['read']>[0]> = {}): Promise<RankedAnswer> {
    const local = { position: 10, entry: undefined };
    return this.reader.read({ key: 'k', partition: 2, local, logId: LOG, ...given });
  }

  /** A whole read of one key: all that are asked fail. */
  async failedRead(key: string): Promise<string[]> {
    const before = this.transport.asked.length;
    const reading = this.read({ key });
    while (this.transport.waiting.length > 0) {
      for (const http of this.transport.waiting) await this.transport.fail(http);
    }
    await reading;
    return this.transport.asked.slice(before).map(({ http }) => http);
  }

  /** A whole read of one key: all that are asked answer so. */
  async answeredRead(key: string, answer: PeerAnswer): Promise<string[]> {
    const before = this.transport.asked.length;
    const reading = this.read({ key });
    while (this.transport.waiting.length > 0) {
      for (const http of this.transport.waiting) await this.transport.answer(http, answer);
    }
    await reading;
    return this.transport.asked.slice(before).map(({ http }) => http);
  }
}
