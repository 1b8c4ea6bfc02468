import type { Clock } from '../../src/clock.ts';

/** A random number generator that replays from its seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  readonly next = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };

  /** An integer in [min, max]. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  between(min: number, max: number): number {
    return min + this.next() * (max - min);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.next() * from.length)] as T;
  }
}

interface Event {
  readonly at: number;
  readonly order: number;
  callback: (() => void) | undefined;
}

/** More at once only saves turns of Node.js's own loop. */
const EVENTS_A_TURN = 64;

/** Simulated time: jumps from event to event; events of one moment run in the order of their making. */
export class Scheduler {
  #now = 0;
  #order = 0;
  /** A binary heap by (at, order). */
  readonly #heap: Event[] = [];

  get now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const event: Event = { at: this.#now + Math.max(0, ms), order: this.#order++, callback };
    this.#push(event);
    return () => {
      event.callback = undefined;
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Runs events until `done` or until nothing is left before `until`. Resolves with `done()`. */
  run(until: number, done: () => boolean): Promise<boolean> {
    return new Promise((resolve, reject) => {
      let over = false;
      // Node.js lets all promises that can go on go on before it calls the next immediate.
      const turn = () => {
        if (over) return;
        for (let i = 0; i < EVENTS_A_TURN; i++) setImmediate(step);
        setImmediate(turn);
      };
      const step = () => {
        if (over) return;
        try {
          over = done();
          if (over) return resolve(true);
          over = !this.#runNext(until);
          if (over) resolve(false);
        } catch (error) {
          over = true;
          reject(error);
        }
      };
      turn();
    });
  }

  #runNext(until: number): boolean {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) return false;
      this.#pop();
      if (next.callback === undefined) continue;
      this.#now = next.at;
      next.callback();
      return true;
    }
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let i = heap.push(event) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(event, heap[parent] as Event)) break;
      heap[i] = heap[parent] as Event;
      i = parent;
    }
    heap[i] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Event, heap[child] as Event))
        child++;
      if (!before(heap[child] as Event, last)) break;
      heap[i] = heap[child] as Event;
      i = child;
    }
    heap[i] = last;
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

export const WALL_START_MS: number = Date.UTC(2026, 0, 1);

/** A machine's wall clock: off by so much, and more after it was set. */
export interface WallClock {
  skewMs: number;
}

/** One process's view of the time; dies with the process. */
export class ProcessClock implements Clock {
  readonly #scheduler: Scheduler;
  readonly #wall: WallClock;
  /** While frozen (SIGSTOP) timers wait. */
  #frozenUntil = 0;
  #dead = false;

  constructor(scheduler: Scheduler, wall: WallClock) {
    this.#scheduler = scheduler;
    this.#wall = wall;
  }

  now(): number {
    return Math.floor(WALL_START_MS + this.#scheduler.now + this.#wall.skewMs);
  }

  monotonic(): number {
    return this.#scheduler.now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = new ProcessTimer(this, this.#scheduler, callback);
    timer.start(ms);
    return () => timer.cancel();
  }

  /** Resolves as soon as it is not frozen; never where it is dead. */
  awake(): Promise<void> {
    if (!this.frozen && !this.#dead) return Promise.resolve();
    return new Promise((resolve) => void this.after(0, resolve));
  }

  /** Nothing of it runs for so long. */
  freeze(ms: number): void {
    this.#frozenUntil = Math.max(this.#frozenUntil, this.#scheduler.now + ms);
  }

  get frozen(): boolean {
    return this.frozenMs > 0;
  }

  get frozenMs(): number {
    return Math.max(0, this.#frozenUntil - this.#scheduler.now);
  }

  kill(): void {
    this.#dead = true;
  }

  get dead(): boolean {
    return this.#dead;
  }
}

/** A timer of a process: late where the process is frozen, never where it is dead. */
class ProcessTimer {
  readonly #process: ProcessClock;
  readonly #scheduler: Scheduler;
  readonly #callback: () => void;
  #cancel: (() => void) | undefined;

  constructor(process: ProcessClock, scheduler: Scheduler, callback: () => void) {
    this.#process = process;
    this.#scheduler = scheduler;
    this.#callback = callback;
  }

  start(ms: number): void {
    this.#cancel = this.#scheduler.after(ms, () => this.#fire());
  }

  cancel(): void {
    this.#cancel?.();
  }

  #fire(): void {
    if (this.#process.dead) return;
    const { frozenMs } = this.#process;
    if (frozenMs > 0) this.start(frozenMs);
    else this.#callback();
  }
}
