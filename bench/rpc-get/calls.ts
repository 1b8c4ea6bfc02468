import { encodeCall } from '../../src/codec/rpc-calls.ts';
import { frameHead } from '../../src/codec/rpc-framing.ts';
import { valueText } from '../http-get/sizes.ts';
import { keyOf } from '../memory/figures.ts';

export const KEYS = 10_000;
export const VALUE = valueText(100);
const NO_VALUE = Buffer.alloc(0);

/** The frame of a call of getValue; all are of the same length. */
export function getFrame(key: string, serial: number): Buffer {
  const payload = encodeCall('getValue', Buffer.from(key), NO_VALUE);
  return Buffer.concat([frameHead(serial, payload.length), payload]);
}

export const GET_FRAME_BYTES = getFrame(keyOf(0), 1).length;
/** The frame of the answer: head, no meta, no error, branch, length in two bytes, value. */
export const ANSWER_FRAME_BYTES = frameHead(0, 0).length + 3 + 2 + VALUE.length;

/** Set by a client before each call. */
export const SERIAL_AT = 0;
