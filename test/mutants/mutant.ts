/** A deliberate fault of the product, applied to a copy of the source, and who must notice it. */
export interface Mutant {
  readonly name: string;
  /** What a user would lose. */
  readonly harm: string;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Tried in this order, until one notices. */
  readonly checkers: readonly Checker[];
}

/** Ends with 0 as long as nothing is wrong. */
export interface Checker {
  readonly name: string;
  /** Arguments of a Node.js process that runs in the copy. */
  readonly args: readonly string[];
}

/** The mutated text. @throws where the place is not there, or not unambiguous */
export function mutate(source: string, { name, file, find, replace }: Mutant): string {
  const places = source.split(find).length - 1;
  if (places !== 1) throw new Error(`${name}: ${file} has ${places} places to change, not one`);
  return source.replace(find, () => replace);
}

export function simulation(seeds: string): Checker {
  return {
    name: `simulation, seeds ${seeds}`,
    args: ['test/mutants/simulate-until.ts', seeds],
  };
}

export function testFile(path: string): Checker {
  return { name: path.replace(/^test\//, ''), args: [path] };
}
