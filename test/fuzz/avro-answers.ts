import { AvroFormatError, AvroReader } from '../../src/codec/avro-binary.ts';
import { type HandshakeMatch, readHandshakeResponse } from '../../src/codec/rpc-handshake.ts';
import type { Input } from './input.ts';
import { type ReferenceFrame, readFrames } from './reference-frames.ts';
import type { Heard, Verdict } from './verdict.ts';

/** What an error's text may begin with where nothing is wrong with the node itself. */
const CODES = ['bad_key', 'bad_value', 'too_large', 'not_implemented', 'overloaded'];
const PROTOCOL_BYTES_MAX = 65_536;

/** Whether these are answers that the contract allows to what was sent. */
export function judgeAvro(input: Input, { received, end }: Heard): Verdict {
  const asked = readFrames(Buffer.concat(input.pieces));
  const got = readFrames(received);
  const violations: string[] = [];
  const answers: string[] = [];
  // Behind a broken frame the door lets go of what it has not sent yet.
  const cutOff = end !== 'ended' || asked.rest === 'broken';
  if (got.rest === 'broken' || (got.rest === 'partial' && !cutOff)) {
    violations.push(`the answers are no frames (${got.rest}, ${end})`);
  }
  const left = counted(asked.frames);
  let passed = false;
  let asking = true;
  for (const { serial, payload } of got.frames) {
    const open = left.get(serial) ?? 0;
    if (open === 0) violations.push(`an answer to ${serial}, which was not asked or is answered`);
    left.set(serial, open - 1);
    const opening = asked.frames.slice(0, 2).some((frame) => frame.serial === serial);
    const { said, match } = readAnswer(payload, opening && asking);
    if (match === 'BOTH' || match === 'CLIENT') {
      passed = true;
      asking = false;
    }
    answers.push(said);
    if (said.startsWith('!')) violations.push(`answer ${payload.toString('hex', 0, 80)}: ${said}`);
  }
  if (passed && asked.rest !== 'broken' && end === 'ended') {
    const silent = [...left].filter(([, count]) => count > 0).map(([serial]) => serial);
    if (silent.length > 0) violations.push(`no answer to ${silent.join(', ')}`);
  }
  return { passed, answers, violations };
}

function counted(frames: readonly ReferenceFrame[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { serial } of frames) counts.set(serial, (counts.get(serial) ?? 0) + 1);
  return counts;
}

interface Said {
  readonly said: string;
  readonly match?: HandshakeMatch;
}

/** `!` goes before what may not be said. */
function readAnswer(payload: Buffer, opening: boolean): Said {
  if (opening) {
    try {
      const reader = new AvroReader(payload);
      const { match } = readHandshakeResponse(reader, PROTOCOL_BYTES_MAX);
      if (match === 'NONE' && reader.left === 0) return { said: 'handshake NONE', match };
      if (match !== 'NONE') return { said: readCallAnswer(reader), match };
    } catch (error) {
      if (!(error instanceof AvroFormatError)) throw error;
      // An answer without a handshake before it.
    }
  }
  try {
    return { said: readCallAnswer(new AvroReader(payload)) };
  } catch (error) {
    if (!(error instanceof AvroFormatError)) throw error;
    return { said: `!${error.message}` };
  }
}

function readCallAnswer(reader: AvroReader): string {
  if (reader.blockCount() !== 0) throw new AvroFormatError('metadata, which nobody asked for');
  const said = reader.boolean() ? readError(reader) : readResult(reader);
  if (reader.left > 0) throw new AvroFormatError(`${reader.left} bytes too many`);
  return said;
}

function readError(reader: AvroReader): string {
  if (reader.long() !== 0) throw new AvroFormatError('an error that is no text');
  const text = reader.bytes().toString('utf8');
  const code = /^([a-z_]+): ./s.exec(text)?.[1] ?? '';
  if (!CODES.includes(code)) throw new AvroFormatError(`an error that may not be: ${text}`);
  return `error ${code}`;
}

function readResult(reader: AvroReader): string {
  if (reader.left === 0) return 'done';
  const branch = reader.long();
  if (branch === 0) return 'null';
  if (branch !== 1) throw new AvroFormatError('a value that is neither null nor a text');
  reader.bytes();
  return 'value';
}
