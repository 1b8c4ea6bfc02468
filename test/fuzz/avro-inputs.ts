import { PING } from '../../src/codec/rpc-calls.ts';
import type { Random } from '../simulation/scheduler.ts';
import { type Conversation, type Frame, frameBytes, generateConversation } from './avro-grammar.ts';
import { damageCalls, damageFraming, damageHandshake } from './avro-mutations.ts';
import { handshake, oddProtocol } from './avro-protocols.ts';
import { goldenRequests } from './http-inputs.ts';
import { type Input, inPieces, pickFinish, randomFor } from './input.ts';
import { randomBytes } from './mutate.ts';
import { readFrames } from './reference-frames.ts';

/** Of the conversations that the door has to close by itself. */
const STAYING_SHARE = 0.2;
const MADE = { mutated: false, count: 1 };

/** The connections to the Avro door that a seed stands for. */
export class AvroInputs {
  readonly #seed: number;
  readonly #http = goldenRequests();

  constructor(seed: number) {
    this.#seed = seed;
  }

  input(index: number): Input {
    const random = randomFor(this.#seed, 'avro', index);
    const { kind, bytes, mutated, count } = this.#make(random);
    const stays = readFrames(bytes).rest === 'broken' && random.chance(STAYING_SHARE);
    const finish = stays ? 'stay' : pickFinish(random);
    return { door: 'avro', kind, mutated, count, pieces: inPieces(random, bytes), finish };
  }

  #make(random: Random): Pick<Input, 'kind' | 'mutated' | 'count'> & { readonly bytes: Buffer } {
    const draw = random.next();
    if (draw < 0.02) {
      return { ...MADE, kind: 'random', bytes: randomBytes(random, random.integer(1, 400)) };
    }
    if (draw < 0.03) return { ...MADE, kind: 'HTTP', bytes: random.pick(this.#http) };
    const conversation = generateConversation(random);
    const count = conversation.frames.length;
    const joined = (frames: readonly Frame[]) =>
      Buffer.concat(frames.map((frame) => frameBytes(random, frame)));
    if (draw < 0.1) {
      return {
        kind: 'protocol',
        mutated: false,
        count,
        bytes: joined(oddOnes(random, conversation)),
      };
    }
    if (draw < 0.2) {
      return { kind: 'valid', mutated: false, count, bytes: joined(conversation.frames) };
    }
    if (draw < 0.75) {
      const frames = damageCalls(random, conversation);
      return { kind: 'calls', mutated: true, count, bytes: joined(frames) };
    }
    if (draw < 0.82) {
      const frames = damageHandshake(random, conversation);
      return { kind: 'handshake', mutated: true, count, bytes: joined(frames) };
    }
    const frames = conversation.frames.map((frame) => frameBytes(random, frame));
    return { kind: 'framing', mutated: true, count, bytes: damageFraming(random, frames) };
  }
}

/** A conversation whose client has a protocol that is odd, and calls as in it. */
function oddOnes(random: Random, { frames, dialect }: Conversation): Frame[] {
  const odd = { ...dialect, protocol: oddProtocol(random) };
  const [first, ...others] = frames;
  const opening = Buffer.concat([handshake(random, odd, true), PING]);
  return [{ serial: first?.serial ?? 0, payload: opening }, ...others];
}
