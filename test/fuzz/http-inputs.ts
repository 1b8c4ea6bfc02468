import { readdirSync, readFileSync } from 'node:fs';
import type { Random } from '../simulation/scheduler.ts';
import { generateRequest } from './http-grammar.ts';
import { damageRequest } from './http-mutations.ts';
import { type Input, inPieces, pickFinish, randomFor } from './input.ts';
import { mutateBytes, randomBytes } from './mutate.ts';

const FOLDER = new URL('../golden/http/', import.meta.url);
const MUTATED_SHARE = 0.7;
const RANDOM_SHARE = 0.03;
const REQUESTS_MAX = 4;

/** The requests of the golden transcripts, but for those that were malformed to begin with. */
export function goldenRequests(): Buffer[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.txt') && name !== 'malformed.txt')
    .flatMap((name) => readFileSync(new URL(name, FOLDER), 'utf8').split(/^## /m).slice(1))
    .map((part) => {
      const lines = part.split('\n').filter((line) => line.startsWith('>'));
      const text = lines.map((l) => (l.startsWith('>. ') ? l.slice(3) : `${l.slice(2)}\r\n`));
      const bytes = text
        .join('')
        .replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
          String.fromCharCode(Number.parseInt(hex, 16)),
        );
      return Buffer.from(bytes, 'latin1');
    });
}

/** The connections to the HTTP door that a seed stands for. */
export class HttpInputs {
  readonly #seed: number;
  readonly #golden = goldenRequests();

  constructor(seed: number) {
    this.#seed = seed;
  }

  input(index: number): Input {
    const random = randomFor(this.#seed, 'http', index);
    const finish = pickFinish(random);
    if (random.chance(RANDOM_SHARE)) {
      const bytes = randomBytes(random, random.integer(1, 400));
      const pieces = inPieces(random, bytes);
      return { door: 'http', kind: 'random', mutated: false, count: 1, pieces, finish };
    }
    const mutated = random.chance(MUTATED_SHARE);
    const count = random.chance(0.6) ? 1 : random.integer(2, REQUESTS_MAX);
    const requests = Array.from({ length: count }, (_, i) => {
      if (!mutated) return generateRequest(random);
      // Those before the last are often left whole, so that the damage meets a connection in use.
      const golden = random.pick(this.#golden);
      return i < count - 1 && random.chance(0.5) ? golden : this.#damage(random, golden);
    });
    const pieces = inPieces(random, Buffer.concat(requests));
    const kind = mutated ? 'mutated' : 'grammar';
    return { door: 'http', kind, mutated, count, pieces, finish };
  }

  #damage(random: Random, golden: Buffer): Buffer {
    const damaged = random.chance(0.6) ? damageRequest(random, golden) : golden;
    if (damaged !== golden && random.chance(0.8)) return damaged;
    return mutateBytes(random, damaged, random.pick(this.#golden));
  }
}
