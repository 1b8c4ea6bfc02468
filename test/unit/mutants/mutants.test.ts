import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { mutate } from '../../mutants/mutant.ts';
import { MUTANTS } from '../../mutants/mutants.ts';

/** `npm run mutants` takes minutes; here only that it would find what it wants to change. */
describe('the mutants', () => {
  for (const mutant of MUTANTS) {
    it(`${mutant.name}: changes one place`, () => {
      const source = readFileSync(mutant.file, 'utf8');
      assert.notEqual(mutate(source, mutant), source);
      for (const { args } of mutant.checkers) {
        const file = args.find((each) => each.endsWith('.ts'));
        assert.ok(file !== undefined && existsSync(file), `${file} is not there`);
      }
    });
  }
});
