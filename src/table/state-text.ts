import type { Anchor } from './anchors.ts';
import type { GenerationState, PartitionState } from './partition-state.ts';

/**
 * Partition states as JSON. An anchor's text is made once: a state has a dozen of them, goes with every
 * batch, and differs from the one before in the newest alone.
 */
export class StateText {
  readonly #anchors = new WeakMap<Anchor, string>();

  /** What `JSON.parse` makes the same state of. */
  of({ active, next, ...rest }: PartitionState): string {
    const generations =
      next === undefined
        ? `"active":${this.#generation(active)}`
        : `"active":${this.#generation(active)},"next":${this.#generation(next)}`;
    return objectOf(generations, rest);
  }

  #generation({ anchors, ...rest }: GenerationState): string {
    return objectOf(`"anchors":[${anchors.map((each) => this.#anchor(each)).join(',')}]`, rest);
  }

  #anchor(anchor: Anchor): string {
    const known = this.#anchors.get(anchor);
    if (known !== undefined) return known;
    const text = JSON.stringify(anchor);
    this.#anchors.set(anchor, text);
    return text;
  }
}

/** A JSON object of some fields that are JSON already, and of others. */
function objectOf(fields: string, others: object): string {
  const text = JSON.stringify(others);
  return text === '{}' ? `{${fields}}` : `{${fields},${text.slice(1)}`;
}
