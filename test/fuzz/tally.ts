import type { Input } from './input.ts';
import type { End, Verdict } from './verdict.ts';

const VIOLATIONS_KEPT = 20;

/** What came of all conversations with one door. */
export class Tally {
  connections = 0;
  /** Requests or frames sent. */
  sent = 0;
  /** Those of conversations that were made from a valid one. */
  mutated = 0;
  /** Those of conversations whose client was served. */
  passed = 0;
  bytes = 0;
  unanswered = 0;
  violations = 0;
  /** The first ones. */
  readonly examples: string[] = [];
  readonly kinds = new Map<string, number>();
  readonly answers = new Map<string, number>();
  readonly ends = new Map<End, number>();

  add(input: Input, end: End, { passed, answers, violations }: Verdict): void {
    const { kind, count } = input;
    this.connections++;
    this.sent += count;
    if (input.mutated) this.mutated += count;
    if (passed) this.passed += count;
    for (const { length } of input.pieces) this.bytes += length;
    if (answers.length === 0) this.unanswered++;
    increase(this.kinds, kind, count);
    increase(this.ends, end, 1);
    for (const answer of answers) increase(this.answers, answer, 1);
    for (const violation of violations) this.violate(violation);
  }

  violate(text: string): void {
    this.violations++;
    if (this.examples.length < VIOLATIONS_KEPT) this.examples.push(text);
  }
}

function increase<K>(counts: Map<K, number>, key: K, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
