import { keyOf } from '../memory/figures.ts';

/** What is read: `keys` values of `valueBytes`, or keys that are not there. */
export interface GetCase {
  readonly name: string;
  readonly keys: number;
  readonly valueBytes: number;
  readonly hit: boolean;
}

const TEXT = 'The quick brown fox jumps over the lazy dog, then rests. ';
/** No divisor of a number of keys: neighbours in time are no neighbours in the table. */
const STEP = 7_919;

export function valueText(bytes: number): string {
  return TEXT.repeat(Math.ceil(bytes / TEXT.length)).slice(0, bytes);
}

/** The key of the `n`th read, the same in every run. */
export function readKey({ keys, hit }: GetCase, n: number): string {
  return keyOf(((n * STEP) % keys) + (hit ? 0 : keys));
}
