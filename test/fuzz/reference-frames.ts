import { MESSAGE_SLACK_BYTES } from '../../src/codec/rpc-protocol.ts';

export const MESSAGE_BYTES_MAX = 1_048_576 + MESSAGE_SLACK_BYTES;
const PARTS_MAX = 4_096;

export interface ReferenceFrame {
  readonly serial: number;
  readonly payload: Buffer;
}

/** What a whole conversation holds, by the contract's words. */
export interface Reading {
  readonly frames: readonly ReferenceFrame[];
  /** `broken`: bytes that no frame may have · `partial`: the last one has not come to its end. */
  readonly rest: 'none' | 'partial' | 'broken';
}

/** Reads frames in the plainest way, from bytes that are all there: what the doors are held to. */
export function readFrames(bytes: Buffer): Reading {
  const frames: ReferenceFrame[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < 8) return { frames, rest: 'partial' };
    const serial = bytes.readInt32BE(at);
    const count = bytes.readInt32BE(at + 4);
    if (count < 1 || count > PARTS_MAX) return { frames, rest: 'broken' };
    at += 8;
    const parts: Buffer[] = [];
    let total = 0;
    for (let n = 0; n < count; n++) {
      if (bytes.length - at < 4) return { frames, rest: 'partial' };
      const length = bytes.readInt32BE(at);
      total += length;
      if (length < 0 || total > MESSAGE_BYTES_MAX) return { frames, rest: 'broken' };
      at += 4;
      if (bytes.length - at < length) return { frames, rest: 'partial' };
      parts.push(bytes.subarray(at, at + length));
      at += length;
    }
    frames.push({ serial, payload: Buffer.concat(parts) });
  }
  return { frames, rest: 'none' };
}
