import type { Logger } from './logger.ts';

/** `state` of `/status`. */
export type NodeState =
  | 'stopped'
  | 'opening'
  | 'connecting'
  | 'recovering'
  | 'running'
  | 'halted'
  | 'stopping';

/** Where the node is in its life. Each change is logged; once stopping, only `stopped` follows. */
export class RunningState {
  readonly #logger: Logger;
  readonly #listeners: (() => void)[] = [];
  #state: NodeState = 'stopped';

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get state(): NodeState {
    return this.#state;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  set(state: NodeState, fields: Readonly<Record<string, unknown>> = {}): void {
    if (this.#state === state || (this.#state === 'stopping' && state !== 'stopped')) return;
    this.#logger.info({ from: this.#state, to: state, ...fields }, 'state');
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}
