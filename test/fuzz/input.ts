import { Random } from '../simulation/scheduler.ts';

export type DoorName = 'http' | 'avro';

/**
 * How the client ends: `end` closes its side and reads to the end, `wait` keeps its side open until
 * it has heard nothing for a moment, `stay` until the door closes, `reset` breaks off at once.
 */
export type Finish = 'end' | 'wait' | 'stay' | 'reset';

/** What one connection sends. */
export interface Input {
  readonly door: DoorName;
  /** How it was made. */
  readonly kind: string;
  /** Whether it was made from a valid conversation. */
  readonly mutated: boolean;
  /** Requests or frames in it. */
  readonly count: number;
  /** Written one after the other, in turns of the event loop of their own. */
  readonly pieces: readonly Buffer[];
  readonly finish: Finish;
}

/** What one seed gives the n-th input, whatever the others are. */
export function randomFor(seed: number, door: DoorName, index: number): Random {
  let state = Math.imul(seed ^ (door === 'http' ? 0x68747470 : 0x6176726f), 0x9e3779b1);
  state = Math.imul(state ^ (state >>> 15) ^ index, 0x85ebca6b);
  return new Random(state ^ (state >>> 13));
}

/** Cut at random places, so that what belongs together arrives apart; mostly left whole. */
export function inPieces(random: Random, bytes: Buffer): Buffer[] {
  if (bytes.length < 2 || random.chance(0.75)) return [bytes];
  const cuts = Array.from({ length: random.integer(1, 6) }, () =>
    random.integer(1, bytes.length - 1),
  ).sort((a, b) => a - b);
  return [0, ...cuts].map((from, i) => bytes.subarray(from, cuts[i] ?? bytes.length));
}

export function pickFinish(random: Random): Finish {
  const draw = random.next();
  if (draw < 0.95) return 'end';
  return draw < 0.98 ? 'reset' : 'wait';
}
