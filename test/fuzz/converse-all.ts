import { converse } from './converse.ts';
import type { Input } from './input.ts';
import type { Tally } from './tally.ts';
import type { Heard, Verdict } from './verdict.ts';

const AT_ONCE = 16;
/** Enough to see what is wrong. */
const VIOLATIONS_MAX = 50;

export interface ConverseAllOptions {
  readonly port: number;
  /** The n-th conversation. */
  readonly input: (index: number) => Input;
  readonly judge: (input: Input, heard: Heard) => Verdict;
  /** Goes on until so many requests or frames are sent. */
  readonly atLeast: number;
  readonly alive: () => boolean;
  readonly tally: Tally;
}

/** Holds conversations, some at a time, until enough was sent or enough is wrong. */
export async function converseAll(options: ConverseAllOptions): Promise<void> {
  const { port, atLeast, alive, tally } = options;
  const underWay = new Set<number>();
  let next = 0;
  let given = 0;
  const work = async () => {
    while (alive() && given < atLeast && tally.violations < VIOLATIONS_MAX) {
      const index = next++;
      const input = options.input(index);
      given += input.count;
      underWay.add(index);
      const heard = await converse(port, input);
      if (!alive()) break;
      underWay.delete(index);
      const verdict = options.judge(input, heard);
      const hung = heard.end === 'hangs' ? ['the door does not close'] : [];
      const where = `${input.door}:${index} (${input.kind}, ${input.finish})`;
      const violations = [...verdict.violations, ...hung].map((text) => `${where}: ${text}`);
      tally.add(input, heard.end, { ...verdict, violations });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (!alive()) tally.violate(`the node ended during one of ${[...underWay].join(', ')}`);
}
