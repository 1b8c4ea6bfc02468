import type { Random } from '../simulation/scheduler.ts';
import type { Conversation, Frame } from './avro-grammar.ts';
import { mutateBytes, randomBytes } from './mutate.ts';

const INTEGERS = [
  ...[0, 1, -1, 2, -4, 3, 4, 7, 8, 255, 256, 4_095, 4_096, 4_097, 65_535, 65_536],
  ...[1_048_576, 1_114_112, 1_114_113, 16_777_216, 0x7fffffff, -0x80000000, -0x7fffffff],
];
/** Numbers as Avro writes them, too long ones and ones that no number can hold among them. */
const VARINTS = [
  ...['00', '01', '02', '7f', '8001', 'ff01', 'feffffff0f', 'ffffffff0f', '80', 'ff', '808000'],
  ...['feffffffffffffffff01', 'ffffffffffffffffff01', '80808080808080808001', 'fe'.repeat(11)],
].map((hex) => Buffer.from(hex, 'hex'));

/** Damages what some frames carry and leaves the frames themselves whole, the handshake too. */
export function damageCalls(random: Random, conversation: Conversation): Frame[] {
  const { frames, handshakes } = conversation;
  return frames.map((frame, i) => {
    if (i < handshakes || random.chance(0.35)) return frame;
    const other = random.pick(frames).payload;
    return { ...frame, payload: damagePayload(random, frame.payload, other) };
  });
}

/** Damages the first message, or puts something else before it. */
export function damageHandshake(random: Random, conversation: Conversation): Frame[] {
  const { frames } = conversation;
  const at = random.integer(0, conversation.handshakes - 1);
  return frames.map((frame, i) => {
    if (i !== at) return frame;
    const other = random.pick(frames).payload;
    // The hash stands at both ends of a handshake without a text; what is between is hit as often.
    const from = random.chance(0.5) ? 0 : Math.min(16, frame.payload.length);
    const [kept, hit] = [frame.payload.subarray(0, from), frame.payload.subarray(from)];
    return { ...frame, payload: Buffer.concat([kept, damagePayload(random, hit, other)]) };
  });
}

function damagePayload(random: Random, payload: Buffer, other: Buffer): Buffer {
  if (payload.length === 0 || random.chance(0.6)) return mutateBytes(random, payload, other);
  const at = random.integer(0, Math.min(payload.length, 24));
  const to = at + random.integer(0, 2);
  return Buffer.concat([payload.subarray(0, at), random.pick(VARINTS), payload.subarray(to)]);
}

/** Damages the frames themselves; what comes after the first damage is often lost on the door. */
export function damageFraming(random: Random, whole: readonly Buffer[]): Buffer {
  const frames = [...whole];
  // Late rather than early, so that most of a conversation counts.
  const at = Math.floor(frames.length * Math.sqrt(random.next()));
  const frame = frames[at] ?? Buffer.alloc(0);
  frames[at] = random.chance(0.6)
    ? changeInteger(random, frame)
    : mutateBytes(random, frame, random.pick(whole));
  if (random.chance(0.1)) frames.splice(at, 0, randomBytes(random, random.integer(1, 40)));
  if (random.chance(0.1)) frames.length = at + 1;
  return Buffer.concat(frames);
}

/** Serial, count, or the length of the first part. */
function changeInteger(random: Random, frame: Buffer): Buffer {
  const copy = Buffer.from(frame);
  const at = random.pick([0, 4, 4, 8, 8]);
  if (copy.length < at + 4) return copy;
  const near = copy.readInt32BE(at) + random.pick([-1, 1, 2, -2]);
  copy.writeInt32BE(random.chance(0.3) ? near | 0 : random.pick(INTEGERS), at);
  return copy;
}
