import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Availability } from './availability.ts';
import { checkHistory, type Violation } from './checkers.ts';
import { compareFresh, converge } from './convergence.ts';
import type { Fault, FaultContext, Strike } from './faults/fault.ts';
import type { FinalRecord, History, Operation, WitnessedRecord } from './history.ts';
import { now } from './recorder.ts';
import { OperationCounts, type Struck, type TortureResult } from './summary.ts';
import { recreateTopic } from './topic-recreated.ts';
import { World } from './world.ts';

/** Faults that strike together; what they need does not overlap. */
export type Round = readonly Fault[];

export interface TortureOptions {
  readonly seed: number;
  /** The rounds of each history in turn; the topic is re-created between two. */
  histories(world: World): Iterable<Iterable<Round>>;
  /** Told what happens, line by line. */
  say(line: string): void;
}

/** After how many rounds all nodes are compared with the log. */
const COMPARED_EVERY = 4;
/** Between rounds, with nothing broken. */
const CALM_MS = 300;
/** What is told of one checker's findings. */
const TOLD_MAX = 20;

/** Faults, clients, checkers: one run. */
export async function torture(options: TortureOptions): Promise<TortureResult> {
  const startedAt = now();
  const world = await World.open(options.seed);
  const run = new TortureRun(world, options);
  try {
    await run.all();
  } finally {
    await world.close();
  }
  return run.result(now() - startedAt);
}

class TortureRun {
  readonly violations: Violation[] = [];
  readonly context: FaultContext;
  readonly #world: World;
  readonly #options: TortureOptions;
  readonly #struck: Struck[] = [];
  readonly #counts = new Map<string, number>();
  readonly #operations = new OperationCounts();
  readonly #availability = new Availability();
  /** Of how many violations the evidence was kept. */
  #evidenceOf = 0;

  constructor(world: World, options: TortureOptions) {
    this.#world = world;
    this.#options = options;
    this.context = {
      world,
      random: world.random,
      count: (what, times = 1) => this.#counts.set(what, (this.#counts.get(what) ?? 0) + times),
      violated: (checker, detail) => {
        options.say(`VIOLATED ${checker}: ${detail}`);
        this.violations.push({ checker, detail });
      },
    };
  }

  /** Ends early when the nodes do not come back from something. */
  async all(): Promise<void> {
    const world = this.#world;
    let first = true;
    for (const rounds of this.#options.histories(world)) {
      try {
        if (!first) await this.#recreateTopic();
        first = false;
        await this.#history(rounds);
      } catch (error) {
        const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.context.violated('the run', what);
        await world.load.pause();
        const { witness } = world;
        await witness.ends().then((ends) => witness.until(ends));
        this.#check(newestOf(witness.records));
        return;
      } finally {
        await this.#keepEvidence();
      }
    }
  }

  async #recreateTopic(): Promise<void> {
    const from = now();
    this.#options.say('topic re-created');
    this.#keep(await recreateTopic(this.context));
    const at = now();
    const times = { from, healedAt: at, recoveredAt: at };
    this.#struck.push({ name: 'topic re-created', target: 'all nodes', ...times });
  }

  async #history(rounds: Iterable<Round>): Promise<void> {
    const world = this.#world;
    const { recorder, witness } = world;
    let compared = 0;
    try {
      world.load.resume();
      let struck = 0;
      for (const round of rounds) {
        if (struck > 0 && struck % COMPARED_EVERY === 0) {
          await this.#compare(false);
          world.load.resume();
        }
        await pause(CALM_MS);
        await this.#strike(round);
        struck++;
      }
      compared = await this.#compare(true);
    } finally {
      await world.load.pause();
      const { operations } = recorder;
      this.#keep(operations);
      this.#operations.records += witness.records.length;
      this.#operations.gaps += witness.gaps.length;
      this.#operations.convergences += recorder.convergences.length;
      this.#options.say(`${operations.length} operations, ${compared} keys compared`);
    }
  }

  #keep(operations: readonly Operation[]): void {
    this.#operations.add(operations);
    this.#availability.add(operations);
  }

  /** All at once, as far as each finds unbroken what it needs; the rest after that. */
  async #strike(round: Round): Promise<void> {
    const world = this.#world;
    const strikes = round.map((fault) => ({ fault, strike: fault.aim(world, world.random) }));
    const apart = strikes.filter(({ strike }, i) =>
      strikes.slice(0, i).every((other) => !overlap(other.strike, strike)),
    );
    await this.#strikeAtOnce(apart);
    for (const left of strikes) if (!apart.includes(left)) await this.#strikeAtOnce([left]);
  }

  async #strikeAtOnce(apart: readonly { fault: Fault; strike: Strike }[]): Promise<void> {
    const world = this.#world;
    const names = apart.map(({ fault, strike }) => `${fault.name} (${strike.target})`);
    this.#options.say(names.join(' + '));
    const from = now();
    const healed = await Promise.all(
      apart.map(async ({ strike }) => {
        await strike.run(this.context);
        return now();
      }),
    );
    let recoveredAt: number | undefined;
    try {
      await world.recovered();
      recoveredAt = now();
    } finally {
      for (const [i, { fault, strike }] of apart.entries()) {
        const { target } = strike;
        const times = { from, healedAt: healed[i] ?? from, recoveredAt };
        this.#struck.push({ name: fault.name, target, ...times });
      }
    }
  }

  /** Compares nodes and log; at the end of a history also a fresh node, and the history is checked. */
  async #compare(last: boolean): Promise<number> {
    const world = this.#world;
    const { differences, final } = await converge(world);
    if (last) differences.push(...(await compareFresh(world, final)));
    for (const detail of differences) this.context.violated('convergence', detail);
    if (!last) return final.size;
    await world.witness.until(await world.witness.ends());
    this.#check(final);
    return final.size;
  }

  /** The history so far; `final` as the log ended. */
  #check(final: ReadonlyMap<string, FinalRecord>): void {
    const { recorder, witness } = this.#world;
    const { records: witnessed, gaps } = witness;
    const { operations, convergences, diskLosses } = recorder;
    const history: History = { operations, witnessed, gaps, final, convergences, diskLosses };
    const wrong = checkHistory(history);
    for (const each of wrong.slice(0, TOLD_MAX)) this.context.violated(each.checker, each.detail);
    this.violations.push(...wrong.slice(TOLD_MAX));
  }

  /** What is known of a history in which something was found. */
  async #keepEvidence(): Promise<void> {
    const { recorder, witness, nodes } = this.#world;
    if (this.violations.length === this.#evidenceOf) return;
    this.#evidenceOf = this.violations.length;
    const folder = await mkdtemp(join(tmpdir(), 'bitacora-torture-'));
    const keep = (name: string, all: readonly unknown[]) =>
      writeFile(join(folder, name), all.map((each) => `${JSON.stringify(each)}\n`).join(''));
    await keep('violations.ndjson', this.violations);
    await keep('operations.ndjson', recorder.operations);
    await keep('witnessed.ndjson', witness.records);
    await keep('faults.ndjson', this.#struck);
    for (const node of nodes) {
      await writeFile(join(folder, `${node.name}.log`), node.logLines().join('\n'));
    }
    this.#options.say(`what is known lies in ${folder}`);
  }

  result(durationMs: number): TortureResult {
    const { noSmallDisk, nodes } = this.#world;
    const rebuilt = nodes.flatMap((node) => node.logLines()).filter(isRebuild);
    this.#counts.set('partitions rebuilt', rebuilt.length);
    return {
      seed: this.#options.seed,
      durationMs,
      violations: this.violations,
      struck: this.#struck,
      counts: this.#counts,
      operations: this.#operations,
      availability: this.#availability,
      impossible: noSmallDisk === undefined ? [] : [`disk full (${noSmallDisk})`],
    };
  }
}

function newestOf(records: readonly WitnessedRecord[]): Map<string, FinalRecord> {
  return new Map(
    records.map(({ key, partition, offset, value }) => [
      key,
      { version: `${partition}:${offset}`, value },
    ]),
  );
}

function isRebuild(line: string): boolean {
  return line.includes('"msg":"rebuilt"');
}

function overlap(one: Strike, other: Strike): boolean {
  return one.parts.some((part) => other.parts.includes(part));
}
